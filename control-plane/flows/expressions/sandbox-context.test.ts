import { expect, test } from "vitest";
import type { Json } from "../../../kernel/json.ts";
import { processorMs } from "../../../kernel/processor-time.fixture.ts";
import { parseExpression } from "./parse.ts";
import { readsOf } from "./reads.ts";
import { contextText } from "./sandbox-context.ts";
import { scopeOf } from "./test-scope.fixture.ts";

function contextOf(source: string, values: Record<string, Json>, mostChars = 1_000): unknown {
  const parsed = parseExpression(source);
  if (parsed.kind === "problem") throw new Error(parsed.message);
  const text = contextText(scopeOf(values), readsOf(parsed.expression.body), mostChars);
  return text === undefined ? undefined : JSON.parse(text).values;
}

test("of the scope only what is read is written, and lists as they are", () => {
  const values = { results: { a: 1, b: { c: 2 }, d: 3 }, flow_input: { x: 1, y: 2 }, previous_result: [1, 2], error: null };
  expect(contextOf("results.b.c + results.a + previous_result.length", values)).toEqual({ results: { a: 1, b: { c: 2 } }, previous_result: [1, 2] });
  expect(contextOf("[results, flow_input.x, error?.name]", values)).toEqual({ results: values.results, flow_input: { x: 1 }, error: null });
  expect(contextOf("eval('1')", values)).toEqual(values);
});

test("exactly what fits is passed", () => {
  for (const value of ["x".repeat(50), [1, 2, [], {}, null, true], { a: { b: [0, 0, 0] }, c: "" }, [[[[]]]], {}, 0]) {
    const fits = JSON.stringify({ values: { error: value }, variables: {}, resources: {} }).length;
    expect(contextOf("error", { error: value }, fits)).toEqual({ error: value });
    expect(contextOf("error", { error: value }, fits - 1)).toBeUndefined();
  }
});

test("data that is too deep to be written is too large", () => {
  let deep: Json = [];
  for (let level = 0; level < 100_000; level++) deep = [deep];
  expect(contextOf("error", { error: deep }, 1_000_000)).toBeUndefined();
});

test("what is too large is found out soon, however many members it has", () => {
  const list = Array.from({ length: 500_000 }, (_, at) => at);
  const record = Object.fromEntries(list.map((at) => [`k${at}`, at]));
  const tookMs = processorMs(() => {
    for (let at = 0; at < 50; at++) {
      expect(contextOf("previous_result", { previous_result: list })).toBeUndefined();
      expect(contextOf("flow_input.k7 + flow_input.none", { flow_input: record })).toEqual({ flow_input: { k7: 7 } });
    }
  });
  // To list all of them took some hundred milliseconds, and this was 100 times.
  expect(tookMs).toBeLessThan(2_000);
});
