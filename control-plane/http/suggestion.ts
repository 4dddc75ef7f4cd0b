const BEGINNING = "did you mean ";

/** A question with paths that look like one that does not exist; undefined when there are none. It is kept from callers that are bound to some paths. */
export function suggestionOf(paths: readonly string[]): string | undefined {
  return paths.length === 0 ? undefined : `${BEGINNING}${paths.join(" or ")}?`;
}

export function isSuggestion(hint: string): boolean {
  return hint.startsWith(BEGINNING);
}
