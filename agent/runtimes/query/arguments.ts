import type { SqlHeaders, SqlParameter } from "../../../signatures/sql-headers.ts";
import { readJsonMembers } from "../../runner/json-text.ts";
import { QueryError } from "./query-error.ts";
import type { Statement } from "./sql-statements.ts";

/** Name → JSON text, so that numbers keep their digits. */
export type ArgumentTexts = ReadonlyMap<string, string>;

/** @throws QueryError when it is no JSON object */
export function readArguments(argsJson: string): ArgumentTexts {
  const members = readJsonMembers(argsJson);
  if (members.kind === "problem") throw new QueryError("InvalidArgument", `the arguments are not a JSON object: ${members.message}`);
  return members.values;
}

export interface BoundParameter extends SqlParameter {
  /** JSON text. */
  readonly value: string;
}

/**
 * The declared parameters with their values.
 * @param reserved names of arguments that are not bound, such as `database`
 * @throws QueryError for arguments that nobody declared, that are missing, and for headers that cannot be read
 */
export function bindParameters(headers: SqlHeaders, args: ArgumentTexts, reserved: readonly string[]): BoundParameter[] {
  const [problem] = headers.problems;
  if (problem !== undefined) throw new QueryError("SyntaxError", problem.message, { line: problem.line });
  const names = headers.parameters.map(({ name }) => name);
  refuseUnknown([...reserved, ...names], args);
  return headers.parameters.map((parameter) => {
    const value = args.get(parameter.name) ?? (parameter.default === undefined ? undefined : JSON.stringify(parameter.default));
    if (value === undefined) throw new QueryError("InvalidArgument", `the argument \`${parameter.name}\` is missing`);
    return { ...parameter, value };
  });
}

/** @throws QueryError for an argument with another name */
export function refuseUnknown(known: readonly string[], args: ArgumentTexts): void {
  for (const name of args.keys()) {
    if (!known.includes(name)) {
      throw new QueryError("UnknownArgument", `the script takes no argument \`${name.slice(0, 100)}\`; it takes: ${known.join(", ") || "none"}`);
    }
  }
}

/** For a placeholder without a declaration. */
export function undeclared(statement: Statement, offset: number, written: string): QueryError {
  const line = statement.line + countLines(statement.text.slice(0, offset));
  return new QueryError("InvalidArgument", `line ${line}: ${written} is not declared in a comment at the top`, { line });
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
