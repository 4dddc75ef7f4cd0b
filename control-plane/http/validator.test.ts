import { expect, test } from "vitest";
import { z } from "zod";
import { validatorCompiler } from "./validator.ts";

function checked(httpPart: string, schema: z.ZodType, data: object): unknown {
  const { value, error } = validatorCompiler({ schema, httpPart, method: "GET", url: "/" } as never)(data) as { value?: unknown; error?: unknown };
  return error === undefined ? value : "refused";
}

const wait = z.strictObject({ wait: z.coerce.number().optional() });
const key = z.object({ "idempotency-key": z.string().min(3).optional() });
const noQuery = (): object => Object.create(null) as object;

test("a query is checked when there is one", () => {
  expect(checked("querystring", wait, noQuery())).toEqual({});
  expect(checked("querystring", wait, { wait: "3" })).toEqual({ wait: 3 });
  expect([checked("querystring", wait, { wait: "x" }), checked("querystring", wait, { other: "1" })]).toEqual(["refused", "refused"]);
});

test("what a schema makes of no query, or asks for, it still does", () => {
  expect(checked("querystring", z.object({ limit: z.coerce.number().default(50) }), noQuery())).toEqual({ limit: 50 });
  expect(checked("querystring", z.object({ path: z.string() }), noQuery())).toBe("refused");
  const either = z.object({ a: z.string().optional(), b: z.string().optional() }).refine(({ a, b }) => a !== undefined || b !== undefined);
  expect([checked("querystring", either, noQuery()), checked("querystring", either, { a: "1" })]).toEqual(["refused", { a: "1" }]);
});

test("headers are checked when one of them is known", () => {
  const others = { host: "x", accept: "*/*" };
  expect(checked("headers", key, others)).toEqual({});
  expect(checked("headers", key, { ...others, "idempotency-key": "abc" })).toEqual({ "idempotency-key": "abc" });
  expect(checked("headers", key, { ...others, "idempotency-key": "a" })).toBe("refused");
  expect(checked("headers", z.object({ "x-must": z.string() }), others)).toBe("refused");
  expect(checked("headers", z.looseObject({ "x-may": z.string().optional() }), others)).toEqual(others);
  expect(checked("headers", z.strictObject({ "x-may": z.string().optional() }), others)).toBe("refused");
});

test("other parts are always checked", () => {
  expect(checked("body", z.object({ a: z.string().optional() }), {})).toEqual({});
  expect(checked("params", z.object({ id: z.string() }), {})).toBe("refused");
});
