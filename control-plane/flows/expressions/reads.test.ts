import { expect, test } from "vitest";
import { parseExpression } from "./parse.ts";
import { type Reads, readsOf } from "./reads.ts";

function reads(source: string): Reads {
  const parsed = parseExpression(source);
  if (parsed.kind === "problem") throw new Error(parsed.message);
  return readsOf(parsed.expression.body);
}

const paths = (source: string): Record<string, string[]> =>
  Object.fromEntries([...reads(source).paths].map(([name, all]) => [name, all.map((path) => path.join("."))]));

test("members are found as far as they stand in the text", () => {
  expect(paths('results.a.b + results["c d"]?.e[0].f')).toEqual({ results: ["a.b", "c d.e.0.f"] });
  expect(paths("flow_input.list[results.a].name")).toEqual({ flow_input: ["list"], results: ["a"] });
  expect(paths("results[flow_input.which].x")).toEqual({ results: [""], flow_input: ["which"] });
  expect(paths("results.a.items.filter((x) => x.b).length + results.keys()")).toEqual({ results: ["a.items", ""] });
  expect(paths("({ results })")).toEqual({ results: [""] });
  expect(paths("`${iter.value}` + (error?.message ?? previous_result)")).toEqual({ iter: ["value"], error: ["message"], previous_result: [""] });
});

test("names that the expression declares itself are its own", () => {
  expect(paths("results.a.map((flow_input) => flow_input.x)")).toEqual({ results: ["a"] });
  expect(paths("const results = flow_input; results.a")).toEqual({ flow_input: [""] });
  expect(paths("{ let error = 1; error } error")).toEqual({ error: [""] });
  expect(paths("if (flow_input.a) { var result = 1 } result")).toEqual({ flow_input: ["a"] });
  expect(paths("try { results.a } catch (error) { error.message }")).toEqual({ results: ["a"] });
  expect(paths("for (const iter of results.a) { iter } 1")).toEqual({ results: ["a"] });
  expect(paths("function f(result) { return result + error } f(1)")).toEqual({ error: [""] });
  expect(paths("results: for (const a of b) { break results } 1")).toEqual({ b: [""] });
  expect(paths("results.a.filter(({ error, result: { iter = resume } }) => error + iter)")).toEqual({ results: ["a"], resume: [""] });
});

test("what is taken apart at once counts by its parts", () => {
  expect(paths("const { a, b: c } = results; a + c")).toEqual({ results: ["a", "b"] });
  expect(paths("const { a, ...rest } = results; rest")).toEqual({ results: [""] });
});

test("variables and resources are found where their path stands in the text", () => {
  const found = reads('variable("u/me/key") + resource(`f/db`).host + variable("u/me/key") + resource(flow_input.db)');
  expect(found).toMatchObject({ variables: ["u/me/key"], resources: ["f/db"] });
  expect(reads('results.a.map((variable) => variable("x"))').variables).toEqual([]);
});

test("code that is made of text can read anything", () => {
  for (const source of ['eval("results.a")', 'new Function("return results")()', 'globalThis["results"]', "(function () { return this })()"]) {
    expect(reads(source).isDynamic).toBe(true);
  }
  expect(reads("results.eval").isDynamic).toBe(false);
});

test("names that have to be there are told from those that it makes, declares, or asks about", () => {
  expect(reads("results.a + Math.max(x) + ((y) => y + z)(1)").free).toEqual(["results", "Math", "x", "z"]);
  expect(reads("total = 0; for (item of flow_input.list) total += item; total").free).toEqual(["flow_input"]);
  expect(reads("typeof a === 'undefined' ? 1 : b").free).toEqual(["b"]);
  expect(reads("({ a, b: c, [d]: e.f })").free).toEqual(["a", "c", "d", "e"]);
  for (const source of ["try { a } catch { 1 }", "[a, b] = [1, 2]; a", "eval('a') + b", "with (results) { a } 1"])
    expect([source, reads(source).free]).toEqual([source, []]);
});
