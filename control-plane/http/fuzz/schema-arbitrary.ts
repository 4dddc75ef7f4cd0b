// Values for a JSON Schema, and values that do not fit it: what the description of the API promises is what it is tried with.
import { fc } from "../../../kernel/fast-check.fixture.ts";

/** The parts of JSON Schema 2020-12 that our routes use. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** Things that are really there, by the name of the member or parameter that asks for one. */
export type KnownValues = ReadonlyMap<string, readonly unknown[]>;

const MAX_DEPTH = 6;
const MAX_TEXT = 60;
const MAX_ITEMS = 3;

/** Texts that have broken something somewhere before. */
const ODD_TEXTS: readonly string[] = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "f/\udfff/x",
  "\u202egnp.exe",
  "e\u0301\u0327".repeat(40),
  "𝕏👩‍👩‍👧‍👦",
  "\ufeffx",
  "'; DROP TABLE job; --",
  "../../../etc/passwd",
  "f/../../x",
  "%00",
  "%",
  "%zz",
  "__proto__",
  "constructor",
  "-1",
  "0",
  "1e309",
  "-9223372036854775809",
  "99999999999999999999",
  "NaN",
  "null",
  "true",
  "[]",
  "{}",
  '"1"',
  "*",
  "2026-02-30T25:61:61Z",
  "0000-00-00",
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "x".repeat(300),
  "é".repeat(5000),
];

export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 300 }),
);

/** Any JSON, with what JSON allows and nobody expects. */
export const oddJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: oddText },
  fc.constantFrom(null, true, false, 0, -1, -0, 1.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, -(2 ** 63), 1e300, 5e-324),
  fc.constantFrom([], {}, [[]], [null], { "": "" }, [{}, []], { toString: 1 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that fits the schema, as far as a schema can say it: rules that span members are not in it. */
export function fitting(schema: Schema, known: KnownValues, name = "", depth = 0): fc.Arbitrary<unknown> {
  const there = known.get(name);
  const made = made_(schema, known, depth);
  return there === undefined || there.length === 0 ? made : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...there) }, { weight: 1, arbitrary: made });
}

function made_(schema: Schema, known: KnownValues, depth: number): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => fitting(choice, known, "", depth)));
  const all = schema.allOf;
  if (all !== undefined) return fitting({ ...schema, allOf: undefined, ...Object.assign({}, ...all) } as Schema, known, "", depth);
  const type = typeof schema.type === "object" ? schema.type[0] : schema.type;
  switch (type) {
    case "string":
      return text(schema);
    case "integer":
      return fc.integer({ min: lowest(schema, true), max: highest(schema, true) });
    case "number":
      return fc.double({ min: lowest(schema, false), max: highest(schema, false), noNaN: true, noDefaultInfinity: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(depth > MAX_DEPTH ? fc.constant(null) : fitting(schema.items ?? {}, known, "", depth + 1), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? MAX_ITEMS, Math.max(MAX_ITEMS, schema.minItems ?? 0)),
      });
    case "object":
      return object(schema, known, depth);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function object(schema: Schema, known: KnownValues, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const names = Object.keys(properties);
  if (names.length === 0 && additionalProperties !== false) {
    const member = typeof additionalProperties === "object" ? fitting(additionalProperties, known, "", depth + 1) : fc.jsonValue({ maxDepth: 2 });
    return fc.dictionary(fc.string({ maxLength: 8 }), member, { maxKeys: MAX_ITEMS });
  }
  const optional = names.filter((name) => !required.includes(name));
  // Few members at a time: most pairs of optional ones exclude each other by a rule that no schema tells.
  return fc
    .subarray(optional, { maxLength: Math.min(3, optional.length) })
    .chain((chosen) => fc.record(Object.fromEntries([...required, ...chosen].map((name) => [name, fitting(properties[name] ?? {}, known, name, depth + 1)]))));
}

function text(schema: Schema): fc.Arbitrary<string> {
  const { format, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (format === "date-time") return fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }).map((date) => date.toISOString());
  if (format === "uuid") return fc.uuid();
  if (format === "uri") return fc.webUrl();
  if (format === "email") return fc.emailAddress();
  const fits = (one: string): boolean => one.length >= minLength && one.length <= maxLength;
  const shortened = Math.max(minLength, MAX_TEXT);
  // A pattern may ask for more by itself, as hashes do.
  const made = pattern === undefined ? undefined : matching(withLengths(pattern, minLength, shortened), schema.maxLength ?? 2 * shortened);
  const any = fc.string({ minLength, maxLength: Math.min(maxLength, shortened) });
  // Not as a filter: where next to nothing has the length it would look for ever.
  return made === undefined ? any : fc.tuple(made, any).map(([one, other]) => (fits(one) ? one : other));
}

function lowest({ minimum, exclusiveMinimum }: Schema, whole: boolean): number {
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + (whole ? 1 : Number.EPSILON));
  return Math.max(least ?? -1000, whole ? -(2 ** 31) : -1e15);
}

/** Large numbers are allowed far more often than they make sense: what is asked for is mostly small. */
function highest({ maximum, exclusiveMaximum, ...rest }: Schema, whole: boolean): number {
  const most = maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - (whole ? 1 : Number.EPSILON));
  return Math.max(lowest(rest, whole), Math.min(most ?? 100_000, whole ? 2 ** 31 - 1 : 1e15));
}

/** What is of one class of characters has as many of them as it must. */
function withLengths(pattern: string, least: number, most: number): string {
  const characters = /^\^(\[(?:[^\]\\]|\\.)+\])[+*]\$$/.exec(pattern)?.[1];
  return characters === undefined || least < 2 ? pattern : `^${characters}{${least},${Math.max(least, most)}}$`;
}

/** Undefined for a pattern that texts cannot be made from, such as one that looks ahead: then most texts will not fit it. */
function matching(pattern: string, maxLength: number): fc.Arbitrary<string> | undefined {
  if (/\(\?[=!<]/.test(pattern)) return undefined;
  return fc.stringMatching(new RegExp(pattern), { maxLength });
}
