import { readSqlScript } from "../../../signatures/sql.ts";
import type { SqlLanguage } from "../../../signatures/sql-tokens.ts";
import { readJsonMembers } from "../../runner/json-text.ts";
import { QueryError } from "./query-error.ts";
import type { Placeholder, Statement } from "./sql-statements.ts";

/** The argument that says where the database is. */
const DATABASE = "database";

/** Name → JSON text, so that numbers keep their digits. */
export type ArgumentTexts = ReadonlyMap<string, string>;

/** @throws QueryError when it is no JSON object */
export function readArguments(argsJson: string): ArgumentTexts {
  const members = readJsonMembers(argsJson);
  if (members.kind === "problem") throw new QueryError("InvalidArgument", `the arguments are not a JSON object: ${members.message}`);
  return members.values;
}

/** What fills a placeholder. */
export interface BoundParameter {
  readonly name: string;
  /** As declared, in lower case; empty when it is not. */
  readonly type: string;
  /** JSON text. */
  readonly value: string;
}

/** The values of a script's placeholders. */
export class Bindings {
  readonly #byText = new Map<string, BoundParameter>();
  readonly #marks: BoundParameter[] = [];

  /** @throws QueryError for arguments that the script does not name, and for those that are missing */
  constructor(language: SqlLanguage, code: string, args: ArgumentTexts) {
    const { bindings, database } = readSqlScript(language, code);
    refuseUnknown([DATABASE, ...bindings.map(({ name }) => name)], args);
    if (database !== undefined && !args.has(DATABASE)) {
      throw new QueryError(
        "InvalidArgument",
        `the script names the database ${database}, whose address did not come with the job: give the argument \`database\``,
      );
    }
    for (const { placeholder, name, type, default: fallback } of bindings) {
      const value = args.get(name) ?? (fallback === undefined ? undefined : JSON.stringify(fallback));
      if (value === undefined) throw new QueryError("InvalidArgument", `the argument \`${name}\` is missing`);
      if (placeholder === "?") this.#marks.push({ name, type, value });
      else this.#byText.set(placeholder, { name, type, value });
    }
  }

  /** @throws QueryError for one that the reader of the script did not take for a placeholder */
  of(statement: Statement, placeholder: Placeholder): BoundParameter {
    const bound = placeholder.mark > 0 ? this.#marks[placeholder.mark - 1] : this.#byText.get(placeholder.text);
    if (bound !== undefined) return bound;
    const line = statement.line + countLines(statement.text.slice(0, placeholder.offset));
    throw new QueryError("InvalidArgument", `line ${line}: no argument fills \`${placeholder.text}\``, { line });
  }
}

/** @throws QueryError for an argument with another name */
export function refuseUnknown(known: readonly string[], args: ArgumentTexts): void {
  for (const name of args.keys()) {
    if (!known.includes(name)) {
      throw new QueryError("UnknownArgument", `the script takes no argument \`${name.slice(0, 100)}\`; it takes: ${known.join(", ") || "none"}`);
    }
  }
}

export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** A value out of JSON text, told apart without losing digits. */
export type JsonArgument =
  | { readonly kind: "null" }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** As written. */
  | { readonly kind: "number"; readonly digits: string }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly JsonArgument[]; readonly json: string }
  | { readonly kind: "object"; readonly json: string };

class Digits {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

/** @param json valid JSON text */
export function readArgument(json: string): JsonArgument {
  if (json.startsWith("{")) return { kind: "object", json };
  const value: unknown = JSON.parse(json, (_key, found: unknown, context?: { readonly source?: string }) =>
    typeof found === "number" ? new Digits(context?.source ?? String(found)) : found,
  );
  return argumentOf(value, json);
}

function argumentOf(value: unknown, json?: string): JsonArgument {
  if (value === null || value === undefined) return { kind: "null" };
  if (typeof value === "boolean") return { kind: "boolean", value };
  if (typeof value === "string") return { kind: "string", text: value };
  if (value instanceof Digits) return { kind: "number", digits: value.digits };
  const text = json ?? JSON.stringify(value, (_key, inner: unknown) => (inner instanceof Digits ? rawJson(inner.digits) : inner));
  return Array.isArray(value) ? { kind: "list", items: value.map((item: unknown) => argumentOf(item)), json: text } : { kind: "object", json: text };
}

/** Node 24 has it; the compiler's library does not know it yet. */
function rawJson(digits: string): unknown {
  const make: unknown = Reflect.get(JSON, "rawJSON");
  return typeof make === "function" ? Reflect.apply(make, JSON, [digits]) : Number(digits);
}

const INTEGER = /^-?[0-9]+$/;

/** The number when it is an integer, written as one. */
export function integerOf(digits: string): bigint | undefined {
  return INTEGER.test(digits) ? BigInt(digits) : undefined;
}

/** The bytes of a base64 argument. @throws QueryError */
export function bytesOf(name: string, base64: string): Buffer {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64)) throw new QueryError("InvalidArgument", `the argument \`${name}\` is not base64`);
  return Buffer.from(base64, "base64");
}
