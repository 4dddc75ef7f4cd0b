/** Metadata as it was stored: an object of JSON. */
export function readMetadata(text: string | undefined): Record<string, unknown> {
  return text === undefined ? {} : (JSON.parse(text) as Record<string, unknown>);
}
