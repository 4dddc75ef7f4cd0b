import { arrayOf } from "./declared-types.ts";
import type { JsonValue, ParameterType } from "./model.ts";
import { nullable, unionOf } from "./parameter-types.ts";

/** One line of a script's header: `-- $1 name (int) = 3`, `-- :name (text)`, `-- ? name`, `-- database f/x/y`. */
export interface SqlDeclaration {
  /** `$1`, `:name`, `?` … as it stands in the statement. */
  readonly placeholder: string;
  /** Undefined when the placeholder itself is the name. */
  readonly name: string | undefined;
  readonly type: ParameterType | undefined;
  /** As written, in lower case, such as `varchar(20)`; empty when there is none. */
  readonly typeText: string;
  readonly default?: JsonValue;
}

const PLACEHOLDER = /(?:\$\d{1,5}|\?\d{0,5}|[:@$][A-Za-z_]\w*)(?=[\s(=]|$)/y;
const NAME = /[A-Za-z_]\w*/y;
const TYPE = /\(([^()]*(?:\([^()]*\)[^()]*)?)\)/y;
const DATABASE = /^database[ \t:]+(\S+)$/;

/** The path of a fixed database that a comment names. */
export function databaseOf(comment: string): string | undefined {
  return DATABASE.exec(comment)?.[1];
}

/** What a comment declares; undefined for any other comment. */
export function declarationOf(comment: string): SqlDeclaration | undefined {
  const reader = new CommentReader(comment);
  const placeholder = reader.take(PLACEHOLDER)?.[0];
  if (placeholder === undefined) return undefined;
  const name = reader.take(NAME)?.[0];
  const typeText = reader.take(TYPE)?.[1]?.trim().toLowerCase();
  const rest = reader.rest();
  // A sentence about a placeholder is no declaration.
  if (rest !== "" && !rest.startsWith("=")) return undefined;
  if (rest === "" && name === undefined && typeText === undefined) return undefined;
  const type = typeText === undefined ? undefined : sqlType(typeText);
  const declared = { placeholder, name, typeText: typeText ?? "" };
  if (rest === "") return { ...declared, type };
  const fallback = defaultOf(rest.slice(1).trim(), type);
  return { ...declared, type: fallback === null && type !== undefined ? nullable(type) : type, default: fallback };
}

class CommentReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }

  rest(): string {
    return this.#text.slice(this.#at).trim();
  }
}

/** A value in quotes is a text; one without is what JSON reads in it, or a text when the type says so or JSON cannot. */
function defaultOf(text: string, type: ParameterType | undefined): JsonValue {
  if (/^'.*'$/.test(text) && text.length > 1) return text.slice(1, -1).replaceAll("''", "'");
  if (/^null$/i.test(text)) return null;
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if (type?.kind === "string" && !text.startsWith('"')) return text;
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}

const TYPES: ReadonlyMap<string, ParameterType> = new Map<string, ParameterType>([
  ..."int integer int2 int4 int8 smallint bigint tinyint mediumint hugeint serial bigserial smallserial oid ubigint uinteger usmallint utinyint year"
    .split(" ")
    .map((name): [string, ParameterType] => [name, { kind: "integer" }]),
  ..."float float4 float8 double real".split(" ").map((name): [string, ParameterType] => [name, { kind: "number" }]),
  // Exact numbers may come as text, so that no digit is lost.
  ..."numeric decimal money".split(" ").map((name): [string, ParameterType] => [name, unionOf([{ kind: "number" }, { kind: "string" }])]),
  ..."text varchar char character bpchar citext name string tinytext mediumtext longtext nvarchar nchar clob interval inet cidr xml"
    .split(" ")
    .map((name): [string, ParameterType] => [name, { kind: "string" }]),
  ..."bool boolean".split(" ").map((name): [string, ParameterType] => [name, { kind: "boolean" }]),
  ..."timestamp timestamptz datetime".split(" ").map((name): [string, ParameterType] => [name, { kind: "string", format: "date-time" }]),
  ["date", { kind: "string", format: "date" }],
  ["time", { kind: "string", format: "time" }],
  ["timetz", { kind: "string", format: "time" }],
  ["uuid", { kind: "string", format: "uuid" }],
  ..."bytea blob binary varbinary tinyblob mediumblob longblob".split(" ").map((name): [string, ParameterType] => [name, { kind: "bytes" }]),
]);

/** The type of `int`, `varchar(20)`, `double precision`, `text[]`; undefined for one that is not known. */
export function sqlType(text: string): ParameterType | undefined {
  const name = /^[A-Za-z_]\w*/.exec(text.trim())?.[0].toLowerCase() ?? "";
  const type = TYPES.get(name);
  return /\[\s*\d*\s*\]\s*$/.test(text) ? arrayOf(type) : type;
}
