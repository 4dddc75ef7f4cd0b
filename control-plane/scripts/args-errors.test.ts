import type { ErrorObject } from "ajv";
import { expect, it } from "vitest";
import type { ParameterType } from "../../signatures/model.ts";
import { signatureToJsonSchema } from "../../signatures/to-json-schema.ts";
import { describeErrors } from "./args-errors.ts";
import { createArgsValidator } from "./args-schema.ts";

const UNION = "#/properties/x/items/anyOf";
const schemaOf = (type: ParameterType): Record<string, unknown> =>
  signatureToJsonSchema({ parameters: [{ name: "x", type, required: true }], hasMain: true, variadic: false });

function typeError(instancePath: string, schemaPath: string, data: unknown): ErrorObject {
  return { keyword: "type", instancePath, schemaPath, params: { type: "string" }, data };
}

/** What Ajv says about items of a list that fit neither option of a union. */
function unionErrors(items: number): ErrorObject[] {
  return Array.from({ length: items }, (_, index): ErrorObject[] => [
    typeError(`/x/${index}`, `${UNION}/0/type`, index),
    typeError(`/x/${index}`, `${UNION}/1/type`, index),
    { keyword: "anyOf", instancePath: `/x/${index}`, schemaPath: UNION, params: {}, data: index },
  ]).flat();
}

/** How often anything is read from the errors while they are described. */
function readsOf(errors: readonly ErrorObject[]): number {
  let reads = 0;
  const counted = errors.map(
    (error) =>
      new Proxy(error, {
        get(target, name, receiver) {
          reads += 1;
          return Reflect.get(target, name, receiver);
        },
      }),
  );
  expect(describeErrors(counted, {}, {}, "/args")).toHaveLength(50);
  return reads;
}

it("does work in proportion to the number of errors, for lists of unions too", () => {
  const [few, many] = [readsOf(unionErrors(1_000)), readsOf(unionErrors(10_000))];
  expect(few).toBeLessThan(10 * 3 * 1_000);
  // The closer look has a bound; what remains is to see what an error belongs to.
  expect(many - few).toBeLessThan(3 * 3 * 9_000);
});

it("looks closely at a bounded number of errors", () => {
  let looks = 0;
  const errors = Array.from({ length: 20_000 }, (_, index) => {
    const error = typeError(`/x/${index}`, "#/properties/x/items/type", 1);
    Object.defineProperty(error, "instancePath", {
      get() {
        looks += 1;
        return `/x/${index}`;
      },
    });
    return error;
  });
  expect(describeErrors(errors, {}, {}, "/args").at(-1)).toEqual({
    pointer: "/args/x/49",
    message: "must be a string, got an integer; at least 950 more fields are wrong",
  });
  expect(looks).toBe(1_000);
});

it.each([
  [50, ""],
  [51, "; 1 more field is wrong"],
  [60, "; 10 more fields are wrong"],
  [1_000, "; 950 more fields are wrong"],
  [1_001, "; at least 950 more fields are wrong"],
])("lists 50 of %i fields and says how many more there are", (count, suffix) => {
  const fields = createArgsValidator().validate("key", schemaOf({ kind: "array", items: { kind: "enum", values: ["a", "b"] } }), {
    x: Array.from({ length: count }, () => "c"),
  });
  expect(fields).toEqual(
    Array.from({ length: 50 }, (_, index) => ({
      pointer: `/args/x/${index}`,
      message: `must be one of "a", "b", got "c"${index === 49 ? suffix : ""}`,
    })),
  );
});

it("says once what a union inside of a union refuses, and tells a parameter named anyOf from a union", () => {
  const inner: ParameterType = {
    kind: "union",
    options: [
      { kind: "array", items: { kind: "integer" } },
      { kind: "string", format: "uuid" },
    ],
  };
  const outer: ParameterType = {
    kind: "union",
    options: [
      { kind: "array", items: inner },
      { kind: "object", properties: [], values: inner },
    ],
  };
  const schema = signatureToJsonSchema({
    parameters: [
      { name: "anyOf", type: { kind: "object", properties: [{ name: "k", type: outer, required: true }] }, required: true },
      { name: "n", type: { kind: "integer" }, required: true },
    ],
    hasMain: true,
    variadic: false,
  });
  expect(createArgsValidator().validate("key", schema, { anyOf: { k: [[1], ["x"], "y"] }, n: "z" })).toEqual([
    { pointer: "/args/anyOf/k", message: "fits none of the types that are allowed here, got an array" },
    { pointer: "/args/n", message: "must be an integer, got a string" },
  ]);
  expect(createArgsValidator().validate("key", schema, { anyOf: {}, n: 1 })).toEqual([{ pointer: "/args/anyOf/k", message: "is required" }]);
});

it("collects all errors only where they cannot be too many: each option of a union complains about each value", () => {
  const option = (index: number): ParameterType => ({ kind: "object", properties: [{ name: `k${index}`, type: { kind: "string" }, required: true }] });
  const wide: ParameterType = { kind: "array", items: { kind: "union", options: Array.from({ length: 30 }, (_, index) => option(index)) } };
  const wrong = (count: number): { x: number[] } => ({ x: Array.from({ length: count }, () => 1) });
  const lengthOf = (type: ParameterType, count: number): number => createArgsValidator().validate("key", schemaOf(type), wrong(count)).length;
  expect([lengthOf(wide, 500), lengthOf(wide, 5_000)]).toEqual([50, 1]);
  // The same values against a single type are few errors.
  expect(lengthOf({ kind: "array", items: { kind: "string" } }, 5_000)).toBe(50);
});
