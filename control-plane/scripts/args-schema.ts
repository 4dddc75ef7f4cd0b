import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats, { type FormatName } from "ajv-formats";
import type { FieldError } from "../../kernel/app-error.ts";
import { describeErrors } from "./args-errors.ts";
import { LruMap } from "./lru-map.ts";

export interface ArgsValidatorOptions {
  /** Compiled schemas to keep; the one used longest ago goes first. */
  readonly maxSchemas?: number;
}

export interface ArgsValidator {
  /**
   * Checks a job's arguments against a schema. `schemaKey` stands for the schema: the same key must always come with
   * the same schema (the hash of the script version does). Nothing is converted: "5" is no number.
   * @param prefix JSON pointer of the arguments in the request
   * @returns one error per field, none when all is well; at most 50
   */
  validate(schemaKey: string, schema: object, args: unknown, prefix?: string): FieldError[];
  /** Schemas that are compiled at the moment. */
  readonly size: number;
}

interface Compiled {
  readonly isValid: ValidateFunction;
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

/** Formats that inferred schemas ask for. */
const FORMATS: FormatName[] = ["date", "uuid", "email", "iso-date-time", "iso-time"];

/**
 * Makes a validator with its own cache of compiled schemas. Ajv turns a schema into JavaScript source; that is safe
 * here because the schemas come from `signatureToJsonSchema` alone, never from a request.
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
    const entry = { isValid: compile(first, schema), listErrors: undefined };
    compiled.set(schemaKey, entry);
    return entry;
  }

  function errorsOf(entry: Compiled, schema: AnySchema, args: unknown): readonly ErrorObject[] {
    if (!isSmall(args)) return entry.isValid.errors ?? [];
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

/** Counts no further than it must. */
function isSmall(args: unknown): boolean {
  const pending = [args];
  let count = 0;
  for (let next = pending.pop(); pending.length > 0 || next !== undefined; next = pending.pop()) {
    if (++count > MAX_VALUES_FOR_ALL_ERRORS) return false;
    if (typeof next !== "object" || next === null) continue;
    const values = Array.isArray(next) ? next : Object.values(next);
    if (values.length + count > MAX_VALUES_FOR_ALL_ERRORS) return false;
    pending.push(...values);
  }
  return true;
}
