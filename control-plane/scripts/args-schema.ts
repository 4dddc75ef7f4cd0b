import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats, { type FormatName } from "ajv-formats";
import type { FieldError } from "../../kernel/app-error.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import { describeErrors } from "./args-errors.ts";

export interface ArgsValidatorOptions {
  /** Compiled schemas to keep; the one used longest ago goes first. */
  readonly maxSchemas?: number;
}

export interface ArgsValidator {
  /**
   * Checks a job's arguments against a schema. `schemaKey` stands for the schema: the same key must always come with
   * the same schema (the hash of the script version does). Nothing is converted: "5" is no number.
   * @param prefix JSON pointer of the arguments in the request
   * @returns one error per field, none when all is well; at most 50, the last of which says how many more fields are wrong
   */
  validate(schemaKey: string, schema: object, args: unknown, prefix?: string): FieldError[];
  /** Schemas that are compiled at the moment. */
  readonly size: number;
}

interface Compiled {
  readonly isValid: ValidateFunction;
  /** Arguments with more values than this get their first error only. */
  readonly maxValues: number;
  /** Collects all errors; compiled when the first arguments fail. */
  listErrors: ValidateFunction | undefined;
}

/**
 * An Ajv instance remembers every schema that it compiled. After this many the instances and all that they compiled
 * are let go together, so that memory stays bounded however many scripts come and go.
 */
const COMPILES_PER_INSTANCE = 4;
/** Arguments with more values than this get their first error only: a list of half a million wrong items would make half a million errors. */
const MAX_VALUES_FOR_ALL_ERRORS = 20_000;
/** Ajv cannot be stopped, and takes about half a second for a million errors: arguments that could make more get their first error only, too. */
const MAX_POSSIBLE_ERRORS = 50_000;

/** Formats that inferred schemas ask for. */
const FORMATS: FormatName[] = ["date", "uuid", "email", "iso-date-time", "iso-time"];

/**
 * Makes a validator with its own cache of compiled schemas. Ajv turns a schema into JavaScript source; that is safe
 * here because the schemas come from `signatureToJsonSchema` and `inputSchemaOf` alone, never from a request as it is.
 */
export function createArgsValidator(options: ArgsValidatorOptions = {}): ArgsValidator {
  const maxSchemas = options.maxSchemas ?? 1_000;
  const compiled = new LruMap<string, Compiled>(maxSchemas);
  let first = createAjv(false);
  let all = createAjv(true);
  let compiles = 0;

  function compile(ajv: Ajv, schema: AnySchema): ValidateFunction {
    const validate = ajv.compile(schema);
    ajv.removeSchema(schema);
    return validate;
  }

  function compiledFor(schemaKey: string, schema: AnySchema): Compiled {
    const known = compiled.get(schemaKey);
    if (known !== undefined) return known;
    if (++compiles > maxSchemas * COMPILES_PER_INSTANCE) {
      compiled.clear();
      first = createAjv(false);
      all = createAjv(true);
      compiles = 1;
    }
    const maxValues = Math.min(MAX_VALUES_FOR_ALL_ERRORS, Math.floor(MAX_POSSIBLE_ERRORS / errorsPerValue(schema, false)));
    const entry = { isValid: compile(first, schema), maxValues, listErrors: undefined };
    compiled.set(schemaKey, entry);
    return entry;
  }

  function errorsOf(entry: Compiled, schema: AnySchema, args: unknown): readonly ErrorObject[] {
    if (!isSmall(args, entry.maxValues)) return entry.isValid.errors ?? [];
    entry.listErrors ??= compile(all, schema);
    entry.listErrors(args);
    return entry.listErrors.errors ?? [];
  }

  return {
    validate(schemaKey, schema, args, prefix = "/args") {
      const entry = compiledFor(schemaKey, schema);
      if (entry.isValid(args)) return [];
      return describeErrors(errorsOf(entry, schema, args), schema, args, prefix);
    },
    get size() {
      return compiled.size;
    },
  };
}

function createAjv(allErrors: boolean): Ajv {
  const ajv = new Ajv({ strict: false, allErrors, coerceTypes: false, useDefaults: false, validateSchema: false, meta: false, logger: false, verbose: true });
  addFormats.default(ajv, { mode: "fast", formats: FORMATS });
  // A time zone is not demanded: `datetime.fromisoformat` and `new Date` do without.
  ajv.addFormat("date-time", addFormats.default.get("iso-date-time", "fast"));
  ajv.addFormat("time", addFormats.default.get("iso-time", "fast"));
  return ajv;
}

/**
 * How many errors one value of the arguments can cause at most. Every option of a union complains about the same value. Parts of the
 * schema outside of lists and maps meet one value only, whatever the arguments: their errors are few and do not count.
 */
function errorsPerValue(schema: unknown, isRepeated: boolean): number {
  if (!isRecord(schema)) return 1;
  const { required, anyOf, properties, items, additionalProperties } = schema;
  const own = isRepeated ? OWN_KEYWORDS.filter((keyword) => keyword in schema).length + (Array.isArray(required) ? required.length : 0) : 1;
  const members = isRecord(properties) ? Object.values(properties) : [];
  const below = [...members.map((member) => errorsPerValue(member, isRepeated)), errorsPerValue(items, true), errorsPerValue(additionalProperties, true)];
  const options = Array.isArray(anyOf) ? anyOf : [];
  return options.reduce<number>((sum, option) => sum + errorsPerValue(option, isRepeated), Math.max(own, ...below));
}

/** Keywords that complain about the value itself. */
const OWN_KEYWORDS = ["type", "enum", "format", "anyOf"];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Counts no further than it must. */
function isSmall(args: unknown, maxValues: number): boolean {
  const pending = [args];
  let count = 0;
  for (let next = pending.pop(); pending.length > 0 || next !== undefined; next = pending.pop()) {
    if (++count > maxValues) return false;
    if (typeof next !== "object" || next === null) continue;
    const values = Array.isArray(next) ? next : Object.values(next);
    if (values.length + count > maxValues) return false;
    pending.push(...values);
  }
  return true;
}
