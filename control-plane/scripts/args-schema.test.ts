import { describe, expect, it } from "vitest";
import type { Parameter, ParameterType } from "../../signatures/model.ts";
import { signatureToJsonSchema } from "../../signatures/to-json-schema.ts";
import { createArgsValidator } from "./args-schema.ts";

function schemaOf(parameters: readonly Parameter[], variadic = false): Record<string, unknown> {
  return signatureToJsonSchema({ parameters, hasMain: true, variadic });
}

const SCHEMA = schemaOf([
  { name: "name", type: { kind: "string" }, required: true },
  { name: "limit", type: { kind: "integer" }, required: false, default: 10 },
]);

function check(type: ParameterType, value: unknown): string[] {
  const validator = createArgsValidator();
  return validator.validate("key", schemaOf([{ name: "x", type, required: true }]), { x: value }).map(({ pointer, message }) => `${pointer} ${message}`);
}

describe("checking arguments", () => {
  const validator = createArgsValidator();

  it("accepts what fits", () => {
    expect(validator.validate("s", SCHEMA, { name: "x", limit: 3 })).toEqual([]);
    expect(validator.validate("s", SCHEMA, { name: "" })).toEqual([]);
  });

  it("names every field that is wrong, in plain sentences", () => {
    expect(validator.validate("s", SCHEMA, { limit: "3", nmae: "x" })).toEqual([
      { pointer: "/args/name", message: "is required" },
      { pointer: "/args/nmae", message: "is not a parameter of this script; parameters are: name, limit" },
      { pointer: "/args/limit", message: "must be an integer, got a string" },
    ]);
  });

  it("puts the caller's prefix in front", () => {
    expect(validator.validate("s", SCHEMA, { name: 1 }, "/jobs/3/args")).toEqual([
      { pointer: "/jobs/3/args/name", message: "must be a string, got an integer" },
    ]);
  });

  it.each([[[]], [null], ["text"], [7], [undefined]])("refuses arguments that are no object: %j", (args) => {
    const [error] = validator.validate("s", SCHEMA, args);
    expect(error?.pointer).toBe("/args");
    expect(error?.message).toMatch(/^must be an object, got /);
  });

  it("changes nothing in the arguments", () => {
    const args = Object.freeze({ name: "x" });
    expect(validator.validate("s", SCHEMA, args)).toEqual([]);
    expect(args).toEqual({ name: "x" });
  });

  it("says so when a script has no parameters at all", () => {
    expect(validator.validate("none", schemaOf([]), { x: 1 })).toEqual([{ pointer: "/args/x", message: "is not a parameter of this script; it has none" }]);
  });

  it("lets pass anything extra when the signature is open", () => {
    expect(validator.validate("open", schemaOf([], true), { x: 1 })).toEqual([]);
  });

  it("escapes names in pointers", () => {
    expect(validator.validate("s", SCHEMA, { name: "x", "a/b~c": 1 })[0]?.pointer).toBe("/args/a~1b~0c");
  });
});

const VALUES: readonly (readonly [ParameterType, accepted: readonly unknown[], refused: readonly (readonly [unknown, string])[]])[] = [
  [
    { kind: "integer" },
    [0, -3, 2 ** 40, 1.0],
    [
      [1.5, "/args/x must be an integer, got a number"],
      ["1", "/args/x must be an integer, got a string"],
      [null, "/args/x must be an integer, got null"],
    ],
  ],
  [
    { kind: "number" },
    [1, 1.5],
    [
      ["1", "/args/x must be a number, got a string"],
      [true, "/args/x must be a number, got a boolean"],
    ],
  ],
  [{ kind: "boolean" }, [true], [[1, "/args/x must be a boolean, got an integer"]]],
  [{ kind: "any" }, [null, 1, "x", [], {}], []],
  [{ kind: "bytes" }, ["aGk="], [[[104, 105], "/args/x must be a string, got an array"]]],
  [
    { kind: "string", format: "date-time" },
    ["2030-01-31T09:30:00Z", "2030-01-31T09:30:00.123+02:00", "2030-01-31T09:30:00", "2030-01-31 09:30:00"],
    [["yesterday", '/args/x must be a date and time such as 2030-01-31T09:30:00Z, got "yesterday"']],
  ],
  [{ kind: "string", format: "date" }, ["2030-01-31"], [["31.1.2030", '/args/x must be a date such as 2030-01-31, got "31.1.2030"']]],
  [{ kind: "string", format: "time" }, ["09:30:00", "09:30:00Z"], [["noon", '/args/x must be a time such as 09:30:00, got "noon"']]],
  [{ kind: "string", format: "uuid" }, ["01890a5d-ac96-774b-bcce-b302099a8057"], [["x", '/args/x must be a UUID, got "x"']]],
  [{ kind: "string", format: "email" }, ["a@example.org"], [["x", '/args/x must be an e-mail address, got "x"']]],
  [{ kind: "enum", values: ["low", "high", 3] }, ["low", 3], [["mid", '/args/x must be one of "low", "high", 3, got "mid"']]],
  [{ kind: "union", options: [{ kind: "string" }, { kind: "null" }] }, [null, "x"], [[1, "/args/x must be a string or null, got an integer"]]],
  [{ kind: "union", options: [{ kind: "enum", values: ["a"] }, { kind: "null" }] }, [null, "a"], [["b", '/args/x must be one of "a", null, got "b"']]],
  [
    { kind: "union", options: [{ kind: "string" }, { kind: "array", items: { kind: "string" } }] },
    ["x", ["x"]],
    [
      [[1], "/args/x fits none of the types that are allowed here, got an array"],
      [{}, "/args/x fits none of the types that are allowed here, got an object"],
    ],
  ],
  [
    { kind: "array", items: { kind: "integer" } },
    [[], [1, 2]],
    [
      [[1, "x"], "/args/x/1 must be an integer, got a string"],
      [{}, "/args/x must be an array, got an object"],
    ],
  ],
  [
    { kind: "object", properties: [{ name: "k", type: { kind: "string" }, required: true }] },
    [{ k: "x" }, { k: "x", more: 1 }],
    [
      [{}, "/args/x/k is required"],
      [{ k: 1 }, "/args/x/k must be a string, got an integer"],
    ],
  ],
  [{ kind: "object", properties: [], values: { kind: "number" } }, [{}, { a: 1 }], [[{ a: "x" }, "/args/x/a must be a number, got a string"]]],
  [{ kind: "resource", name: "postgresql" }, [{ host: "x" }, "$res:u/me/db"], [["postgres://x", "/args/x must be an object, got a string"]]],
];

describe("values of each type", () => {
  it.each(VALUES)("%j", (type, accepted, refused) => {
    for (const value of accepted) expect(check(type, value)).toEqual([]);
    for (const [value, message] of refused) expect(check(type, value)).toEqual([message]);
  });

  it("accepts references to resources and variables in the place of any value", () => {
    const object: ParameterType = { kind: "object", properties: [{ name: "k", type: { kind: "integer" }, required: true }] };
    expect(check(object, "$res:f/team/thing")).toEqual([]);
    expect(check(object, { k: "$var:f/team/limit" })).toEqual([]);
    expect(check({ kind: "union", options: [object, { kind: "array", items: object }] }, "$res:f/team/thing")).toEqual([]);
    expect(check(object, { k: "x$var:f/team/limit" })).toEqual(["/args/x/k must be an integer, got a string"]);
  });
});

describe("bounds", () => {
  it("lists at most 50 errors", () => {
    expect(
      check(
        { kind: "array", items: { kind: "integer" } },
        Array.from({ length: 5_000 }, () => "x"),
      ),
    ).toHaveLength(50);
  });

  it("gives the first error only for very large arguments", () => {
    expect(
      check(
        { kind: "array", items: { kind: "integer" } },
        Array.from({ length: 100_000 }, () => "x"),
      ),
    ).toEqual(["/args/x/0 must be an integer, got a string"]);
  });

  it("shortens long values and long lists of names", () => {
    const many = Array.from({ length: 30 }, (_, index) => ({ name: `p${index}`, type: { kind: "any" } as const, required: false }));
    const [error] = createArgsValidator().validate("many", schemaOf(many), { other: 1 });
    expect(error?.message).toMatch(/p0, p1, .* and 10 more$/);
    expect(check({ kind: "enum", values: ["a"] }, "y".repeat(1_000))[0]?.length).toBeLessThan(150);
  });

  it("forgets the schema that was used longest ago, and stays right when it comes back", () => {
    const validator = createArgsValidator({ maxSchemas: 3 });
    const named = (index: number) => schemaOf([{ name: `p${index}`, type: { kind: "any" }, required: true }]);
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 10; index++) {
        expect(validator.validate(`key${index}`, named(index), { [`p${index}`]: 1 })).toEqual([]);
        expect(validator.validate(`key${index}`, named(index), {})).toEqual([{ pointer: `/args/p${index}`, message: "is required" }]);
        expect(validator.size).toBeLessThanOrEqual(3);
      }
    }
  });

  it("compiles a schema once per key", () => {
    let reads = 0;
    const counted = new Proxy(SCHEMA, {
      get(target, name, receiver) {
        reads += 1;
        return Reflect.get(target, name, receiver);
      },
    });
    const validator = createArgsValidator();
    validator.validate("counted", counted, { name: "x" });
    const afterFirst = reads;
    for (let index = 0; index < 100; index++) validator.validate("counted", counted, { name: "x" });
    expect(afterFirst).toBeGreaterThan(0);
    expect(reads).toBe(afterFirst);
  });
});
