import type { Json } from "../../kernel/json.ts";
import { isObject } from "./field-reader.ts";

/** A JSON Schema that may be compiled: see `scripts/args-schema.ts`. */
export type InputSchema = Readonly<Record<string, Json>>;

const TYPES: ReadonlySet<Json> = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
/** Formats that say what a text has to look like. Others, as of resources and files, are for forms. */
const FORMATS: ReadonlySet<Json> = new Set(["date", "date-time", "time", "uuid", "email"]);
const MAX_DEPTH = 16;
/** A schema is compiled where jobs are scheduled: beyond so many parts the rest is not checked. */
const MAX_PARTS = 500;
const MAX_CHOICES = 500;

/**
 * What of a flow's schema its inputs are checked against: types, members, required members, lists, choices. Everything else is left out: it is for forms,
 * it may be broken (`enum: null` is common), and some of it, such as patterns, would let its author keep the server busy.
 */
export function inputSchemaOf(schema: Readonly<Record<string, Json>>): InputSchema {
  let parts = 0;
  const clean = (value: Json | undefined, depth: number): Json => {
    parts += 1;
    if (!isObject(value) || depth > MAX_DEPTH || parts > MAX_PARTS) return {};
    const { properties, required, additionalProperties, items } = value;
    const choices = value["anyOf"] ?? value["oneOf"];
    return {
      ...typeOf(value),
      ...enumOf(value),
      ...(typeof value["format"] === "string" && FORMATS.has(value["format"]) && { format: value["format"] }),
      ...(isObject(properties) && { properties: Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, clean(member, depth + 1)])) }),
      ...(Array.isArray(required) && { required: [...new Set(required.filter((name) => typeof name === "string"))] }),
      ...(additionalProperties === false && { additionalProperties }),
      ...(isObject(additionalProperties) && { additionalProperties: clean(additionalProperties, depth + 1) }),
      ...(isObject(items) && { items: clean(items, depth + 1) }),
      ...(Array.isArray(choices) && choices.length > 0 && { anyOf: choices.slice(0, MAX_CHOICES).map((choice: Json) => clean(choice, depth + 1)) }),
    };
  };
  const cleaned = clean(schema, 0);
  const properties = schema["properties"];
  // Messages name the inputs in this order.
  return { ...(isObject(cleaned) && cleaned), ...(isObject(properties) && { order: Object.keys(properties) }) };
}

function typeOf({ type, nullable }: Readonly<Record<string, Json>>): { type?: Json } {
  const types = (Array.isArray(type) ? type : [type]).filter((name: Json | undefined) => name !== undefined && TYPES.has(name));
  if (types.length === 0) return {};
  const all = [...new Set<Json>(nullable === true ? [...types, "null"] : types)];
  return { type: all.length === 1 ? (all[0] ?? "null") : all };
}

function enumOf({ enum: values, nullable }: Readonly<Record<string, Json>>): { enum?: Json } {
  if (!Array.isArray(values) || values.length === 0 || values.length > MAX_CHOICES) return {};
  return { enum: nullable === true ? [...values, null] : values };
}
