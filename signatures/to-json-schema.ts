import { assertNever } from "../kernel/assert-never.ts";
import type { JsonScalar, ParameterType, Property, Signature } from "./model.ts";

/** A JSON Schema (draft 2020-12) as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * The JSON Schema of a script's arguments. `order` lists the parameters as the source declares them, because stored
 * JSON loses the order of members. Arguments that the script does not know are refused, unless it takes any.
 */
export function signatureToJsonSchema(signature: Signature): Record<string, unknown> {
  const { parameters } = signature;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: propertiesOf(parameters),
    required: parameters.filter((parameter) => parameter.required).map((parameter) => parameter.name),
    order: parameters.map((parameter) => parameter.name),
    ...(signature.variadic || !signature.hasMain ? {} : { additionalProperties: false }),
  };
}

/** `Object.fromEntries` makes own members of any name, `__proto__` included. */
function propertiesOf(properties: readonly Property[]): JsonSchema {
  return Object.fromEntries(
    properties.map((property) => {
      const schema = schemaOf(property.type);
      return [property.name, property.default === undefined ? schema : { ...schema, default: property.default }];
    }),
  );
}

/** The schema of one type. */
export function schemaOf(type: ParameterType): JsonSchema {
  switch (type.kind) {
    case "any":
      return {};
    case "null":
    case "boolean":
    case "integer":
    case "number":
      return { type: type.kind };
    case "string":
      return type.format === undefined ? { type: "string" } : { type: "string", format: type.format };
    case "bytes":
      return { type: "string", contentEncoding: "base64" };
    case "array":
      return { type: "array", items: schemaOf(type.items) };
    case "object":
      return objectSchema(type);
    case "enum":
      return enumSchema(type.values);
    case "union":
      return unionSchema(type.options);
    case "resource":
      // The format is how forms find the resources to offer.
      return { type: "object", format: `resource-${type.name}` };
    default:
      return assertNever(type);
  }
}

/** Members that the type does not list are allowed: languages with structural types allow them too. */
function objectSchema(type: Extract<ParameterType, { kind: "object" }>): JsonSchema {
  const required = type.properties.filter((property) => property.required).map((property) => property.name);
  return {
    type: "object",
    ...(type.properties.length > 0 && { properties: propertiesOf(type.properties) }),
    ...(required.length > 0 && { required }),
    ...(type.values !== undefined && { additionalProperties: schemaOf(type.values) }),
  };
}

function enumSchema(values: readonly JsonScalar[]): JsonSchema {
  const types = [...new Set(values.map((value) => (value === null ? "null" : typeof value)))];
  return { type: types.length === 1 ? types[0] : types, enum: values };
}

/** Plain types share one `type` list, null joins the type beside it; the rest becomes `anyOf`. */
function unionSchema(options: readonly ParameterType[]): JsonSchema {
  const acceptsNull = options.some((option) => option.kind === "null");
  const schemas = options.filter((option) => option.kind !== "null").map(schemaOf);
  const [first] = schemas;
  if (first === undefined) return { type: "null" };
  if (schemas.length === 1) return acceptsNull ? withNull(first) : first;
  const plain = schemas.map((schema) => (Object.keys(schema).length === 1 && typeof schema["type"] === "string" ? schema["type"] : undefined));
  if (plain.every((name) => name !== undefined)) return { type: acceptsNull ? [...plain, "null"] : plain };
  return { anyOf: acceptsNull ? [...schemas, { type: "null" }] : schemas };
}

function withNull(schema: JsonSchema): JsonSchema {
  const { type, enum: values } = schema;
  const types = Array.isArray(type) ? [...type, "null"] : [type, "null"];
  return Array.isArray(values) ? { ...schema, type: types, enum: [...values, null] } : { ...schema, type: types };
}
