import type { ErrorObject } from "ajv";
import type { FieldError } from "../../kernel/app-error.ts";

const MAX_FIELD_ERRORS = 50;
/** Errors that are neither told by a union nor beyond this are looked at, to count the fields that are wrong. */
const MAX_ERRORS_LOOKED_AT = 1_000;
/** Names and values are quoted no longer than this; lists name no more than this many. */
const MAX_QUOTED = 60;
const MAX_LISTED = 20;

/**
 * `$res:path` and `$var:path` stand for a stored resource or variable. They are looked up when the job starts, so
 * what they will be is not known when the arguments are checked.
 */
const REFERENCE = /^\$(?:res|var):/;

/** How messages call what is checked, and whether texts in it may stand for something else. */
export interface ErrorWords {
  /** With its article. */
  readonly member: string;
  readonly members: string;
  readonly takesReferences: boolean;
}

const OF_SCRIPTS: ErrorWords = { member: "a parameter of this script", members: "parameters", takesReferences: true };

/**
 * Turns Ajv's errors into one plain sentence per field, for the first 50 fields; the last one says how many more there are.
 * Takes time in proportion to the number of errors, and looks closely at the first thousand. Errors must come from an Ajv with
 * `verbose` on.
 */
export function describeErrors(errors: readonly ErrorObject[], schema: object, args: unknown, prefix: string, words = OF_SCRIPTS): FieldError[] {
  const isPartOfUnion = unionParts(errors);
  const pointers = new Set<string>();
  const fields: FieldError[] = [];
  let looked = 0;
  for (const error of errors) {
    if (isPartOfUnion(error.schemaPath)) continue;
    if (++looked > MAX_ERRORS_LOOKED_AT) break;
    if (words.takesReferences && typeof error.data === "string" && REFERENCE.test(error.data)) continue;
    const pointer = pointerOf(error, prefix);
    if (pointers.has(pointer)) continue;
    pointers.add(pointer);
    if (fields.length < MAX_FIELD_ERRORS) fields.push({ pointer, message: describe(error, schema, args, words) });
  }
  const hidden = pointers.size - fields.length;
  const last = fields.at(-1);
  if (hidden === 0 || last === undefined) return fields;
  const more = `${looked > MAX_ERRORS_LOOKED_AT ? "at least " : ""}${hidden} more ${hidden === 1 ? "field is" : "fields are"} wrong`;
  return [...fields.slice(0, -1), { ...last, message: `${last.message}; ${more}` }];
}

/**
 * What the options of a union say separately is said once, by the union: tells by its schema path whether an error belongs to an
 * option. There are as many paths as the schema has parts, however many values fail at them, so each path is judged once.
 */
function unionParts(errors: readonly ErrorObject[]): (schemaPath: string) => boolean {
  const unions = new Set<string>();
  for (const error of errors) if (error.keyword === "anyOf") unions.add(error.schemaPath);
  const judged = new Map<string, boolean>();
  return (schemaPath) => {
    if (unions.size === 0) return false;
    const known = judged.get(schemaPath);
    if (known !== undefined) return known;
    const isPart = prefixesOf(schemaPath).some((prefix) => unions.has(prefix));
    judged.set(schemaPath, isPart);
    return isPart;
  };
}

/** `#/a/b` has `#` and `#/a`. */
function prefixesOf(path: string): string[] {
  const prefixes: string[] = [];
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) prefixes.push(path.slice(0, at));
  return prefixes;
}

/** The field that an error is about; for a missing or an unknown member it is that member. */
function pointerOf(error: ErrorObject, prefix: string): string {
  const at = `${prefix}${error.instancePath}`;
  if (error.keyword === "required") return `${at}/${escapePointer(String(error.params["missingProperty"]))}`;
  if (error.keyword === "additionalProperties") return `${at}/${escapePointer(String(error.params["additionalProperty"]))}`;
  return at;
}

function describe(error: ErrorObject, schema: object, args: unknown, words: ErrorWords): string {
  switch (error.keyword) {
    case "required":
      return "is required";
    case "additionalProperties":
      return unknownMember(error, schema, words);
    case "type":
      return `must be ${withArticle(error.params["type"])}, got ${kindOf(error.data)}`;
    case "enum":
      return `must be one of ${list(error.params["allowedValues"], (value) => JSON.stringify(value))}, got ${quote(error.data)}`;
    case "format":
      return `must be ${FORMAT_NAMES[String(error.params["format"])] ?? `a ${String(error.params["format"])}`}, got ${quote(error.data)}`;
    case "anyOf":
      return `fits none of the types that are allowed here, got ${args === error.data ? "these arguments" : kindOf(error.data)}`;
    default:
      return error.message ?? "is not valid";
  }
}

const FORMAT_NAMES: Readonly<Record<string, string>> = {
  "date-time": "a date and time such as 2030-01-31T09:30:00Z",
  date: "a date such as 2030-01-31",
  time: "a time such as 09:30:00",
  uuid: "a UUID",
  email: "an e-mail address",
};

function unknownMember({ instancePath, parentSchema }: ErrorObject, schema: object, { member, members }: ErrorWords): string {
  const order: unknown = instancePath === "" && "order" in schema ? schema.order : undefined;
  const names = Array.isArray(order) ? order.map(String) : Object.keys(parentSchema?.["properties"] ?? {});
  const known = names.length === 0 ? "it has none" : `${members} are: ${list(names, (one) => String(one))}`;
  return `is not ${member}; ${known}`;
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
