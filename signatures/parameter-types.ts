import { ANY, type JsonScalar, type JsonValue, type ParameterType } from "./model.ts";

/**
 * The union of some types in its simplest form: nested unions are flattened, literals collected into one enum,
 * repeats and types that another one covers are dropped. "Anything" swallows the rest.
 */
export function unionOf(types: readonly ParameterType[]): ParameterType {
  const flat = types.flatMap((type) => (type.kind === "union" ? type.options : [type]));
  if (flat.some((type) => type.kind === "any")) return ANY;
  const kinds = new Set(flat.map((type) => type.kind));
  const literals = new Set<JsonScalar>();
  const options = new Map<string, ParameterType>();
  for (const type of flat) {
    if (type.kind === "enum") for (const value of type.values) literals.add(value);
    else if (type.kind === "integer" && kinds.has("number")) continue;
    else options.set(JSON.stringify(type), type);
  }
  const uncovered = [...literals].filter((value) => !isCovered(value, options));
  const result = [...enumOf(uncovered), ...options.values()];
  const [first] = result;
  if (first === undefined) return ANY;
  return result.length === 1 ? first : { kind: "union", options: result };
}

/** The type that also accepts null. */
export function nullable(type: ParameterType): ParameterType {
  return unionOf([type, { kind: "null" }]);
}

/** `"a" | string` says no more than `string`. */
function isCovered(value: JsonScalar, options: ReadonlyMap<string, ParameterType>): boolean {
  for (const option of options.values()) {
    if (option.kind === "string" && option.format === undefined && typeof value === "string") return true;
    if (option.kind === "number" && typeof value === "number") return true;
    if (option.kind === "boolean" && typeof value === "boolean") return true;
    if (option.kind === "null" && value === null) return true;
  }
  return false;
}

function enumOf(values: readonly JsonScalar[]): ParameterType[] {
  const result: ParameterType[] = [];
  const bothBooleans = values.includes(true) && values.includes(false);
  const rest = values.filter((value) => value !== null && !(bothBooleans && typeof value === "boolean"));
  if (rest.length > 0) result.push({ kind: "enum", values: rest });
  if (bothBooleans) result.push({ kind: "boolean" });
  if (values.includes(null)) result.push({ kind: "null" });
  return result;
}

/** The type of a parameter that has a default and no annotation. Whole numbers stand for any number: `delay=1` is often called with 0.5. */
export function typeOfDefault(value: JsonValue): ParameterType {
  if (value === null) return ANY;
  if (Array.isArray(value)) return { kind: "array", items: ANY };
  switch (typeof value) {
    case "boolean":
      return { kind: "boolean" };
    case "number":
      return { kind: "number" };
    case "string":
      return { kind: "string" };
    default:
      return { kind: "object", properties: [] };
  }
}

/** Keeps the patterns below from being slow on a name of a million letters. */
const MAX_RESOURCE_NAME = 100;

/** `CSlackBot` and `c-slack bot` become `c_slack_bot`, the way resource types are named. */
export function resourceName(typeName: string): string {
  return typeName
    .slice(0, MAX_RESOURCE_NAME)
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toLowerCase();
}
