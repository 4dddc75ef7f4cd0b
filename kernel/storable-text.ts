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

/**
 * A JSON value whose texts, names of members included, show each NUL and each half of a surrogate pair as the escape that stands for it in a
 * program (`\u0000`): unlike U+FFFD it keeps names apart. The very same value if there is none.
 */
export function storableJson<T>(value: T): T {
  // A copy has the shape of what it was made from.
  return isStorableJson(value) ? value : (escapedCopy(value) as T);
}

const UNSTORABLE = /\0|\p{Cs}/gu;

function escaped(text: string): string {
  return text.replaceAll(UNSTORABLE, (half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function escapedCopy(value: unknown): unknown {
  if (typeof value === "string") return escaped(value);
  if (Array.isArray(value)) return value.map(escapedCopy);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [escaped(name), escapedCopy(member)]));
}

/** Whether all texts in a JSON value, names of members included, are well-formed and free of NUL. */
export function isStorableJson(value: unknown): boolean {
  if (typeof value === "string") return WELL_FORMED.check(value);
  if (Array.isArray(value)) return value.every(isStorableJson);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, member]) => WELL_FORMED.check(name) && isStorableJson(member));
}
