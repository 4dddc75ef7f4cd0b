import { fc } from "../../../kernel/fast-check.fixture.ts";
import { fitting, type KnownValues, oddJson, oddText, type Schema } from "./schema-arbitrary.ts";

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: Schema;
}

/** One route of the description. */
export interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | undefined;
}

/** A request as it goes over the wire. Bytes are base64, so that a counterexample can be read and sent again. */
export interface ApiRequest {
  readonly method: string;
  /** With the query, as ASCII. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly text: string } | { readonly base64: string } | undefined;
}

export interface Callers {
  /** Header lines of `authorization` that let in. */
  readonly good: readonly string[];
  readonly bad: readonly (string | undefined)[];
}

const CONTENT_TYPES = [
  undefined,
  "",
  "application/json; charset=utf-8",
  "application/json; charset=iso-8859-1",
  "application/json;;",
  "application/problem+json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "multipart/form-data",
  "application/xml",
  "*/*",
  "nonsense",
] as const;

/** Bodies that are no JSON, or JSON that only looks harmless. */
const RAW_BODIES: readonly ApiRequest["body"][] = [
  undefined,
  ...[
    "",
    " ",
    "{",
    "}",
    "null",
    "[]",
    '""',
    "0",
    "-",
    "1e999",
    '{"a":1,"a":2}',
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":{}}}',
    "\ufeff{}",
    "{}x",
  ].map((text) => ({ text })),
  { text: "[".repeat(20_000) },
  { text: `${'{"a":'.repeat(3000)}1${"}".repeat(3000)}` },
  { text: `{"args":{"n":${"9".repeat(400)}}}` },
  { base64: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]).toString("base64") },
  { base64: Buffer.from([0, 1, 2, 255]).toString("base64") },
];

/** Parameters that keep an answer waiting: what fits is short here. */
const SHORT: Readonly<Record<string, fc.Arbitrary<unknown>>> = { wait: fc.constantFrom(0, 0.01), follow: fc.constant(false) };

/** A request to an operation: two of three fit its description, the others are wrong in one place or in all. */
export function requestTo(operation: Operation, known: KnownValues, callers: Callers): fc.Arbitrary<ApiRequest> {
  const fits = fc.record({
    values: fc.tuple(...operation.parameters.map((parameter) => fittingParameter(parameter, known))),
    body: operation.body === undefined ? fc.constant(undefined) : fittingBody(operation.body, known),
    authorization: fc.constantFrom<string | undefined>(...callers.good),
    contentType: fc.constant<string | undefined>("application/json"),
    extraQuery: fc.constant(""),
  });
  const wrong = fc.record({
    values: fc.tuple(...operation.parameters.map((parameter) => fc.oneof({ weight: 2, arbitrary: fittingParameter(parameter, known) }, oddParameter()))),
    body: fc.oneof(
      { weight: 3, arbitrary: operation.body === undefined ? fc.constant(undefined) : brokenBody(operation.body, known) },
      fc.constantFrom(...RAW_BODIES),
    ),
    authorization: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<string | undefined>(...callers.good) },
      { weight: 1, arbitrary: fc.constantFrom(...callers.bad) },
    ),
    contentType: fc.oneof({ weight: 6, arbitrary: fc.constant<string | undefined>("application/json") }, fc.constantFrom<string | undefined>(...CONTENT_TYPES)),
    extraQuery: fc.oneof(
      { weight: 6, arbitrary: fc.constant("") },
      fc.constantFrom(
        "zz=1",
        "limit=1&limit=2",
        "cursor=%00",
        "cursor=%ff%fe",
        "cursor=%",
        "limit=-1",
        "a[b]=c",
        "=",
        "&&&",
        "wait=-1",
        "limit=1e3",
        "__proto__=1",
      ),
    ),
  });
  return fc.oneof({ weight: 2, arbitrary: fits }, { weight: 1, arbitrary: wrong }).map((parts) => build(operation, parts));
}

function fittingParameter({ name, in: place, required, schema }: Parameter, known: KnownValues): fc.Arbitrary<unknown> {
  const value = SHORT[name] ?? fitting(schema, known, name);
  return place === "path" || required === true ? value : fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: value });
}

/** Texts for the place of a parameter; a `{ raw }` goes out as it is, past the percent-encoding. */
function oddParameter(): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: oddText }, fc.constantFrom({ raw: "%" }, { raw: "%zz" }, { raw: "%ff%fe" }, { raw: "%ed%a0%80" }, { raw: "%c0%80" }));
}

function fittingBody(schema: Schema, known: KnownValues): fc.Arbitrary<ApiRequest["body"]> {
  return fitting(schema, known).map(jsonBody);
}

/** A body that fits but for one place. */
function brokenBody(schema: Schema, known: KnownValues): fc.Arbitrary<ApiRequest["body"]> {
  return fc
    .tuple(
      fitting(schema, known),
      fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
      fc.constantFrom("drop", "add", "swap", "swap", "swap"),
      oddJson,
      oddText,
    )
    .map(([value, path, how, json, name]) => jsonBody(breakAt(value, path, how, json, name)));
}

function breakAt(value: unknown, [step = 0, ...rest]: readonly number[], how: string, json: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return json;
  const keys = Object.keys(value);
  const key = keys[step % Math.max(1, keys.length)];
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value };
  if (key === undefined || (rest.length === 0 && how === "add")) return Array.isArray(copy) ? [...copy, json] : { ...copy, [name]: json };
  const member = Reflect.get(copy, key) as unknown;
  if (rest.length > 0 && typeof member === "object" && member !== null) Reflect.set(copy, key, breakAt(member, rest, how, json, name));
  else if (how === "drop") Reflect.deleteProperty(copy, key);
  else Reflect.set(copy, key, json);
  return copy;
}

function jsonBody(value: unknown): ApiRequest["body"] {
  return { text: JSON.stringify(value) ?? "" };
}

interface Parts {
  readonly values: readonly unknown[];
  readonly body: ApiRequest["body"];
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly extraQuery: string;
}

function build(operation: Operation, { values, body, authorization, contentType, extraQuery }: Parts): ApiRequest {
  let path = operation.path;
  const query: string[] = [];
  const headers: Record<string, string> = {};
  operation.parameters.forEach(({ name, in: place }, at) => {
    const value = values[at];
    if (value === undefined) return;
    if (place === "path") path = path.replace(`{${name}}`, () => encoded(value));
    else if (place === "query") query.push(`${name}=${encoded(value)}`);
    else headers[name] = headerText(value);
  });
  if (extraQuery !== "") query.push(extraQuery);
  if (authorization !== undefined) headers["authorization"] = authorization;
  if (contentType !== undefined && body !== undefined) headers["content-type"] = contentType;
  return { method: operation.method, target: query.length === 0 ? path : `${path}?${query.join("&")}`, headers, body };
}

function encoded(value: unknown): string {
  if (typeof value === "object" && value !== null && "raw" in value) return String(value.raw);
  return encodeURIComponent(String(value).toWellFormed());
}

/** What a header can carry at all. */
function headerText(value: unknown): string {
  const text = typeof value === "object" && value !== null && "raw" in value ? String(value.raw) : String(value);
  return text.replaceAll(/[^\t\x20-\x7e\xa0-\xff]/g, "?").slice(0, 2000);
}
