import { createHash } from "node:crypto";

/** What a hash may cover: JSON values, and `undefined` for a setting that is not given. */
type Hashable = undefined | null | boolean | number | string | readonly Hashable[] | { readonly [key: string]: Hashable };

/** Everything that makes a version of a script what it is. Settings are all other members. */
export interface ScriptContent {
  readonly path: string;
  readonly language: string;
  readonly code: string;
  readonly [setting: string]: Hashable;
}

/**
 * Identity of one version of a script: sha256 (lower-case hex) over its path, language, code and settings. The order
 * of the members does not matter, and a member that is `undefined` counts as absent.
 */
export function scriptHash(content: ScriptContent): string {
  return sha256("millrace.script.1", content);
}

/** Identity of a piece of code, for caches on agents: sha256 (lower-case hex) over language and code. */
export function codeHash(language: string, code: string): string {
  return sha256("millrace.code.1", [language, code]);
}

/** The kind goes in front, so that no script and no code can have one another's hash. */
function sha256(kind: string, value: Hashable): string {
  return createHash("sha256").update(`${kind}\n`).update(canonicalJson(value)).digest("hex");
}

/**
 * JSON with sorted member names and no blanks: equal values give equal text, different values different text. JSON's
 * escapes also keep lone surrogates apart, which UTF-8 alone would turn into one and the same character.
 * Throws TypeError for a number that JSON cannot say.
 */
export function canonicalJson(value: Hashable): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError("a number that is not finite cannot be hashed");
  if (value === undefined || value === null || typeof value !== "object") return JSON.stringify(value ?? null);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

function isList(value: Hashable): value is readonly Hashable[] {
  return Array.isArray(value);
}
