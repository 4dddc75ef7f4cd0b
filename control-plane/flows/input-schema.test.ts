import { describe, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { createArgsValidator } from "../scripts/args-schema.ts";
import { inputSchemaOf } from "./input-schema.ts";

const validator = createArgsValidator();
let schemas = 0;

function errorsOf(schema: Parameters<typeof inputSchemaOf>[0], args: unknown): string[] {
  schemas += 1;
  return validator.validate(String(schemas), inputSchemaOf(schema), args).map(({ pointer, message }) => `${pointer} ${message}`);
}

describe("inputSchemaOf", () => {
  test("keeps what inputs are checked against", () => {
    const schema = {
      type: "object",
      properties: {
        n: { type: "integer" },
        kind: { type: "string", enum: ["a", "b"] },
        day: { type: "string", format: "date" },
        list: { type: "array", items: { type: "number" } },
      },
      required: ["n"],
      additionalProperties: false,
    };
    expect(inputSchemaOf(schema)).toEqual({ ...schema, order: ["n", "kind", "day", "list"] });
    expect(errorsOf(schema, { n: 1, kind: "a", day: "2026-01-01", list: [1.5] })).toEqual([]);
    expect(errorsOf(schema, { kind: "c", day: "soon", list: ["x"], more: 1 }).map((error) => error.split(" ")[0])).toEqual(
      expect.arrayContaining(["/args/n", "/args/kind", "/args/day", "/args/list/0", "/args/more"]),
    );
  });

  test("leaves out what is for forms, what is broken, and what could keep the server busy", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      order: ["a"],
      properties: {
        a: { type: "string", description: "A", default: "x", enum: null, format: "", pattern: "(x+)+$", originalType: "string" },
        b: { type: "any", $ref: "#/definitions/none", items: null, minLength: -1 },
        c: { type: "object", format: "resource-postgresql", properties: null, required: true },
        d: { type: "string", nullable: true, enum: ["x"] },
      },
      required: ["a", "a", 1],
    };
    expect(inputSchemaOf(schema)).toEqual({
      type: "object",
      properties: { a: { type: "string" }, b: {}, c: { type: "object" }, d: { type: ["string", "null"], enum: ["x", null] } },
      required: ["a"],
      order: ["a", "b", "c", "d"],
    });
    expect(errorsOf(schema, { a: `${"x".repeat(50)}!`, b: [1], c: "$res:f/db/main", d: null })).toEqual([]);
  });

  test("takes one of several forms, also where exactly one was asked for", () => {
    const schema = { type: "object", properties: { x: { oneOf: [{ type: "string" }, { type: "integer" }] } } };
    expect(errorsOf(schema, { x: "a" })).toEqual([]);
    expect(errorsOf(schema, { x: true })).toHaveLength(1);
  });

  test("stops checking where a schema is too large or too deep, and is compiled soon all the same", () => {
    const properties = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`p${at}`, { type: "string" }]));
    expect(errorsOf({ type: "object", properties }, { p0: 1, p19999: 1 })).toEqual([expect.stringContaining("/args/p0")]);
    let deep: Record<string, never> | { properties: object } = {};
    for (let at = 0; at < 90; at += 1) deep = { properties: { a: deep } };
    expect(JSON.stringify(inputSchemaOf(JSON.parse(JSON.stringify(deep)))).length).toBeLessThan(1000);
  });

  test("whatever is sent as a schema can be compiled", () => {
    const names = fc.constantFrom(
      "type",
      "properties",
      "required",
      "additionalProperties",
      "items",
      "anyOf",
      "oneOf",
      "enum",
      "format",
      "nullable",
      "pattern",
      "$ref",
      "$id",
      "a",
    );
    const leaf = fc.constantFrom(null, true, false, 0, "", "string", "object", "date", "#", "a");
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie("tree"), { maxLength: 3 }), fc.dictionary(names, tie("tree"), { maxKeys: 5 })),
    }));
    fc.assert(
      fc.property(fc.dictionary(names, tree, { maxKeys: 5 }), tree, (schema, args) => {
        expect(Array.isArray(errorsOf(JSON.parse(JSON.stringify(schema)), args))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
