import type { ErrorObject } from "ajv";
import type { FieldError } from "../../kernel/app-error.ts";

const MAX_FIELD_ERRORS = 50;
/** Names and values are quoted no longer than this; lists name no more than this many. */
const MAX_QUOTED = 60;
const MAX_LISTED = 20;

/**
 * `$res:path` and `$var:path` stand for a stored resource or variable. They are looked up when the job starts, so
 * what they will be is not known when the arguments are checked.
 */
const REFERENCE = /^\$(?:res|var):/;

/** Turns Ajv's errors into one plain sentence per field. Errors must come from an Ajv with `verbose` on. */
export function describeErrors(errors: readonly ErrorObject[], schema: object, args: unknown, prefix: string): FieldError[] {
  const unions = errors.filter((error) => error.keyword === "anyOf");
  const byPointer = new Map<string, FieldError>();
  let isRefused = false;
  for (const error of errors) {
    if (typeof error.data === "string" && REFERENCE.test(error.data)) continue;
    // What the options of a union say separately is said once, by the union.
    if (unions.some((union) => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`))) continue;
    isRefused = true;
    const field = describe(error, schema, args, prefix);
    if (field === undefined || byPointer.has(field.pointer) || byPointer.size >= MAX_FIELD_ERRORS) continue;
    byPointer.set(field.pointer, field);
  }
  if (isRefused && byPointer.size === 0) return [{ pointer: prefix, message: "is not valid" }];
  return [...byPointer.values()];
}

function describe(error: ErrorObject, schema: object, args: unknown, prefix: string): FieldError | undefined {
  const at = `${prefix}${error.instancePath}`;
  switch (error.keyword) {
    case "required":
      return { pointer: `${at}/${escapePointer(String(error.params["missingProperty"]))}`, message: "is required" };
    case "additionalProperties":
      return unknownMember(at, String(error.params["additionalProperty"]), schema);
    case "type":
      return { pointer: at, message: `must be ${withArticle(error.params["type"])}, got ${kindOf(error.data)}` };
    case "enum":
      return { pointer: at, message: `must be one of ${list(error.params["allowedValues"], (value) => JSON.stringify(value))}, got ${quote(error.data)}` };
    case "format":
      return {
        pointer: at,
        message: `must be ${FORMAT_NAMES[String(error.params["format"])] ?? `a ${String(error.params["format"])}`}, got ${quote(error.data)}`,
      };
    case "anyOf":
      return { pointer: at, message: `fits none of the types that are allowed here, got ${args === error.data ? "these arguments" : kindOf(error.data)}` };
    default:
      return { pointer: at, message: error.message ?? "is not valid" };
  }
}

const FORMAT_NAMES: Readonly<Record<string, string>> = {
  "date-time": "a date and time such as 2030-01-31T09:30:00Z",
  date: "a date such as 2030-01-31",
  time: "a time such as 09:30:00",
  uuid: "a UUID",
  email: "an e-mail address",
};

function unknownMember(at: string, name: string, schema: object): FieldError {
  const order: unknown = "order" in schema ? schema.order : undefined;
  const names = Array.isArray(order) ? order.map(String) : [];
  const known = names.length === 0 ? "it has none" : `parameters are: ${list(names, (one) => String(one))}`;
  return { pointer: `${at}/${escapePointer(name)}`, message: `is not a parameter of this script; ${known}` };
}

function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

function withArticle(types: unknown): string {
  const names = (Array.isArray(types) ? types : String(types).split(",")).map((name: unknown) => {
    const text = String(name);
    if (text === "null") return "null";
    return /^[aeiou]/.test(text) ? `an ${text}` : `a ${text}`;
  });
  return names.length < 2 ? (names[0] ?? "something else") : `${names.slice(0, -1).join(", ")} or ${names.at(-1) ?? ""}`;
}

/** What a value is, in the words of JSON. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a number";
  return withArticle(typeof value);
}

function quote(value: unknown): string {
  if (typeof value === "object" && value !== null) return kindOf(value);
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}

function list(values: unknown, show: (value: unknown) => string): string {
  if (!Array.isArray(values)) return "";
  const shown = values.slice(0, MAX_LISTED).map(show);
  return shown.join(", ") + (values.length > MAX_LISTED ? ` and ${values.length - MAX_LISTED} more` : "");
}
