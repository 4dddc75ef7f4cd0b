/** A schema as we stored it: an object, since nothing else gets in. */
export const decodeSchema = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
