import { expect, test } from "vitest";
import { openApiTypes, typeOf } from "./openapi-types.ts";

test("schemas become types", () => {
  const of = (schema: Parameters<typeof typeOf>[0]): string => typeOf(schema).replaceAll(/\s+/g, " ");
  expect(of({ type: "integer" })).toBe("number");
  expect(of({ type: ["string", "null"] })).toBe("string | null");
  expect(of({ enum: ["a", 1, null] })).toBe('"a" | 1 | null');
  expect(of({ const: "x" })).toBe('"x"');
  expect(of({ type: "array", items: { anyOf: [{ type: "string" }, { type: "number" }] } })).toBe("(string | number)[]");
  expect(of({ type: "array", prefixItems: [{ type: "string" }, {}] })).toBe("[string, unknown]");
  expect(of({ type: "object", additionalProperties: {} })).toBe("Record<string, unknown>");
  expect(of({ type: "object", additionalProperties: false })).toBe("Record<string, never>");
  expect(of({ $ref: "#/components/schemas/Problem" })).toBe('components["schemas"]["Problem"]');
  expect(
    of({ type: "object", required: ["a"], properties: { a: { type: "string", description: "End */ it." }, "b-c": true }, additionalProperties: false }),
  ).toBe('{ /** End * / it. */ a: string; "b-c"?: unknown; }');
});

test("a document becomes paths with their methods, parameters, bodies and answers", () => {
  const text = openApiTypes({
    paths: {
      "/x/{id}": {
        put: {
          summary: "Do it",
          parameters: [
            { name: "id", in: "path", required: true, schema: { type: "string" } },
            { name: "if-match", in: "header", schema: { type: "string" } },
          ],
          requestBody: { required: true, content: { "application/json": { schema: { type: "array", items: { type: "number" } } } } },
          responses: { "204": { content: {} }, "200": { content: { "text/plain": { schema: { type: "string" } } } } },
        },
      },
    },
    components: { schemas: { Problem: { type: "object", properties: { code: { type: "string" } }, required: ["code"] } } },
  });
  const flat = text.replaceAll(/\s+/g, " ");
  expect(flat).toContain('"/x/{id}": { parameters: { query?: never; header?: never; path?: never; cookie?: never }; get?: never; /** Do it */ put: {');
  expect(flat).toContain('parameters: { query?: never; header?: { "if-match"?: string; }; path: { id: string; }; cookie?: never; };');
  expect(flat).toContain('requestBody: { content: { "application/json": (number)[]; } };');
  expect(flat).toContain(
    '200: { headers: { [name: string]: unknown }; content: { "text/plain": string; } }; 204: { headers: { [name: string]: unknown }; content?: never };',
  );
  expect(flat).toContain("Problem: { code: string; };");
});
