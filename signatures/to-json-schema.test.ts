import { describe, expect, it } from "vitest";
import { NO_MAIN, OPAQUE_MAIN, type ParameterType, type Signature } from "./model.ts";
import { schemaOf, signatureToJsonSchema } from "./to-json-schema.ts";

function signature(parameters: Signature["parameters"], variadic = false): Signature {
  return { parameters, hasMain: true, variadic };
}

describe("the schema of a signature", () => {
  it("lists parameters, requirements, defaults and their order", () => {
    const schema = signatureToJsonSchema(
      signature([
        { name: "z", type: { kind: "string" }, required: true },
        { name: "a", type: { kind: "integer" }, required: false, default: 3 },
      ]),
    );
    expect(schema).toEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: { z: { type: "string" }, a: { type: "integer", default: 3 } },
      required: ["z"],
      order: ["z", "a"],
      additionalProperties: false,
    });
  });

  it("allows further arguments when the signature does", () => {
    expect(signatureToJsonSchema(signature([], true))).not.toHaveProperty("additionalProperties");
    expect(signatureToJsonSchema(OPAQUE_MAIN)).not.toHaveProperty("additionalProperties");
    expect(signatureToJsonSchema(NO_MAIN)).not.toHaveProperty("additionalProperties");
    expect(signatureToJsonSchema(signature([]))).toHaveProperty("additionalProperties", false);
  });

  it("keeps a default of null, and a parameter called __proto__", () => {
    const schema = signatureToJsonSchema(signature([{ name: "__proto__", type: { kind: "any" }, required: false, default: null }]));
    expect(JSON.stringify(schema["properties"])).toBe('{"__proto__":{"default":null}}');
  });
});

const NULL: ParameterType = { kind: "null" };
const SCHEMAS: readonly (readonly [ParameterType, unknown])[] = [
  [{ kind: "any" }, {}],
  [{ kind: "number" }, { type: "number" }],
  [
    { kind: "string", format: "date-time" },
    { type: "string", format: "date-time" },
  ],
  [{ kind: "bytes" }, { type: "string", contentEncoding: "base64" }],
  [
    { kind: "array", items: { kind: "boolean" } },
    { type: "array", items: { type: "boolean" } },
  ],
  [{ kind: "object", properties: [] }, { type: "object" }],
  [
    { kind: "object", properties: [], values: { kind: "integer" } },
    { type: "object", additionalProperties: { type: "integer" } },
  ],
  [
    {
      kind: "object",
      properties: [
        { name: "x", type: { kind: "string" }, required: true },
        { name: "y", type: { kind: "any" }, required: false, default: 1 },
      ],
    },
    { type: "object", properties: { x: { type: "string" }, y: { default: 1 } }, required: ["x"] },
  ],
  [
    { kind: "enum", values: ["a", "b"] },
    { type: "string", enum: ["a", "b"] },
  ],
  [
    { kind: "enum", values: ["a", 1] },
    { type: ["string", "number"], enum: ["a", 1] },
  ],
  [
    { kind: "resource", name: "postgresql" },
    { type: "object", format: "resource-postgresql" },
  ],
  [{ kind: "union", options: [{ kind: "string" }, NULL] }, { type: ["string", "null"] }],
  [{ kind: "union", options: [{ kind: "string" }, { kind: "integer" }, NULL] }, { type: ["string", "integer", "null"] }],
  [
    { kind: "union", options: [{ kind: "enum", values: ["a"] }, NULL] },
    { type: ["string", "null"], enum: ["a", null] },
  ],
  [
    { kind: "union", options: [{ kind: "string", format: "date" }, NULL] },
    { type: ["string", "null"], format: "date" },
  ],
  [
    { kind: "union", options: [{ kind: "enum", values: ["a", 1] }, NULL] },
    { type: ["string", "number", "null"], enum: ["a", 1, null] },
  ],
  [
    { kind: "union", options: [{ kind: "array", items: { kind: "any" } }, NULL] },
    { type: ["array", "null"], items: {} },
  ],
  [
    { kind: "union", options: [{ kind: "string" }, { kind: "array", items: { kind: "string" } }] },
    { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
  ],
  [
    { kind: "union", options: [{ kind: "bytes" }, { kind: "object", properties: [] }, NULL] },
    { anyOf: [{ type: "string", contentEncoding: "base64" }, { type: "object" }, { type: "null" }] },
  ],
];

describe("the schema of a type", () => {
  it.each(SCHEMAS)("%j", (type, expected) => expect(schemaOf(type)).toEqual(expected));
});
