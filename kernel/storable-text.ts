/** What Postgres cannot hold: its `text` has no NUL, and its `jsonb` no half of a surrogate pair either. */
const NUL = "\u0000";

/** For text that people send: a check of a schema with its message. */
export const WITHOUT_NUL = { check: (text: string): boolean => !text.includes(NUL), message: "must not contain NUL" } as const;

/** For what is stored as JSON that the database reads. */
export const WELL_FORMED = {
  check: (text: string): boolean => !text.includes(NUL) && text.isWellFormed(),
  message: "must not contain NUL or half of a surrogate pair",
} as const;

/** For text that nobody can be asked to correct: NUL becomes U+FFFD. */
export function storable(text: string): string {
  return text.includes(NUL) ? text.replaceAll(NUL, "\uFFFD") : text;
}

/** Whether all texts in a JSON value, names of members included, are well-formed and free of NUL. */
export function isStorableJson(value: unknown): boolean {
  if (typeof value === "string") return WELL_FORMED.check(value);
  if (Array.isArray(value)) return value.every(isStorableJson);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, member]) => WELL_FORMED.check(name) && isStorableJson(member));
}
