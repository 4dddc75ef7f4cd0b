import { afterAll, expect, test } from "vitest";
import { fc } from "../../../kernel/fast-check.fixture.ts";
import type { Evaluation, Scope } from "./expressions.ts";
import { opinionOfNode, scopeOf } from "./test-scope.fixture.ts";
import { ExpressionTiers } from "./tiers.ts";

const tiers = new ExpressionTiers();
afterAll(() => tiers.stop());

const texts = fc.constantFrom("", "a", "abc", "12", " 7 ", "-0", "1e3", "true", "null", "é😀", "a,b,c", "0x10", "a".repeat(70));
const numbers = fc.oneof(
  fc.constantFrom(0, 1, -1, 2, 0.5, -0.1, 1e21, 1e-7, 2147483648, 4294967296, 123456789.125, 5e-324, 1.7976931348623157e308),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const { data } = fc.letrec<{ data: unknown; flat: unknown }>((tie) => ({
  flat: fc.oneof(texts, numbers, fc.boolean(), fc.constant(null)),
  data: fc.oneof(
    { weight: 3, arbitrary: tie("flat") },
    fc.array(tie("data"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom("a", "b", "length", "1", "toString"), tie("data"), { maxKeys: 3 }),
  ),
}));

const scopes: fc.Arbitrary<Scope> = fc
  .record({
    n: numbers,
    s: texts,
    list: fc.array(numbers, { maxLength: 5 }),
    words: fc.array(texts, { maxLength: 4 }),
    any: data,
    rows: fc.array(fc.record({ a: data, b: numbers }), { maxLength: 3 }),
  })
  .map((flow_input) =>
    scopeOf({ flow_input: JSON.parse(JSON.stringify(flow_input)), results: { x: JSON.parse(JSON.stringify(flow_input.any)), y: [flow_input.n, null] } }),
  );

const number = fc.oneof(
  fc.constantFrom("0", "1", "-1", "2", "3", "0.5", "1e3", "(-0)"),
  fc.constantFrom("flow_input.n", "flow_input.list[0]", "flow_input.list.length"),
);
const text = fc.constantFrom("''", "'a'", "'b,c'", "'12'", "flow_input.s", "flow_input.words[0]", "'é'");
const sources = fc.letrec<{ any: string; list: string; text: string; number: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(
    number,
    text,
    fc.constantFrom(
      "null",
      "undefined",
      "true",
      "false",
      "flow_input.any",
      "results.x",
      "results.x?.a",
      "results['y'][1]",
      "flow_input.any?.a?.b",
      "results.z",
      "flow_input.any.a",
    ),
  ),
  number: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    number,
    fc
      .tuple(tie("any"), fc.constantFrom("-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>"), tie("any"))
      .map(([a, operator, b]) => `(${a} ${operator} ${b})`),
    tie("text").map((a) => `(${a}).length`),
    fc.tuple(fc.constantFrom("floor", "ceil", "round", "trunc", "abs"), tie("number")).map(([name, a]) => `Math.${name}(${a})`),
    fc.tuple(tie("number"), tie("number")).map(([a, b]) => `Math.max(${a}, ${b})`),
    fc.tuple(fc.constantFrom("-", "+", "~"), tie("any")).map(([operator, a]) => `(${operator} ${a})`),
    fc.tuple(fc.constantFrom("Number", "String", "Boolean", "parseInt", "parseFloat", "encodeURIComponent"), tie("any")).map(([name, a]) => `${name}(${a})`),
    fc.tuple(tie("text"), tie("text")).map(([a, b]) => `(${a}).indexOf(${b})`),
  ),
  text: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    text,
    fc.tuple(tie("any"), tie("text")).map(([a, b]) => `(${a} + ${b})`),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => `\`\${${a}}-\${${b}}\``),
    fc.tuple(tie("text"), tie("number"), tie("number")).map(([a, b, c]) => `(${a}).slice(${b}, ${c})`),
    fc.tuple(tie("text"), tie("number"), tie("number")).map(([a, b, c]) => `(${a}).substring(${b}, ${c})`),
    fc.tuple(tie("text"), fc.constantFrom("trim", "trimEnd", "toUpperCase", "toLowerCase", "toString")).map(([a, name]) => `(${a}).${name}()`),
    fc.tuple(tie("text"), tie("text"), text).map(([a, b, c]) => `(${a}).replaceAll(${b}, ${c})`),
    fc.tuple(tie("text"), fc.nat(12), text).map(([a, b, c]) => `(${a}).padStart(${b}, ${c})`),
    fc.tuple(tie("number"), fc.nat(6)).map(([a, digits]) => `(${a}).toFixed(${digits})`),
    tie("list").map((a) => `(${a}).join('-')`),
    tie("any").map((a) => `(typeof ${a})`),
    tie("any").map((a) => `JSON.stringify(${a})`),
  ),
  list: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    fc.constantFrom("flow_input.list", "flow_input.words", "flow_input.rows", "[]"),
    fc.array(tie("any"), { maxLength: 3 }).map((all) => `[${all.join(", ")}]`),
    fc.tuple(tie("list"), tie("any")).map(([a, b]) => `[...${a}, ${b}]`),
    fc.tuple(tie("list"), tie("number"), tie("number")).map(([a, b, c]) => `(${a}).slice(${b}, ${c})`),
    fc.tuple(tie("list"), tie("list"), tie("any")).map(([a, b, c]) => `(${a}).concat(${b}, ${c})`),
    fc.tuple(tie("list"), tie("any")).map(([a, body]) => `(${a}).map((v, i) => ({ v, i, w: ${body} }))`),
    fc.tuple(tie("list"), tie("any")).map(([a, b]) => `(${a}).filter((v) => v > ${b})`),
    fc.tuple(tie("list"), tie("any")).map(([a, b]) => `(${a}).flatMap((v) => [v, ${b}])`),
    tie("list").map((a) => `(${a}).flat()`),
    tie("list").map((a) => `(${a}).map(({ a, length: b }) => [a, b])`),
    tie("list").map((a) => `Object.entries(${a}).map(([key, value], i) => [i, value, key])`),
    fc.tuple(tie("list"), fc.constantFrom("Boolean", "String", "Number")).map(([a, name]) => `(${a}).map(${name})`),
    tie("text").map((a) => `(${a}).split(',')`),
    tie("list").map((a) => `Object.entries(${a})`),
  ),
  any: fc.oneof(
    { depthSize: "small", maxDepth: 5 },
    tie("leaf"),
    tie("number"),
    tie("text"),
    tie("list"),
    fc.tuple(tie("any"), fc.constantFrom("===", "!==", "==", "!=", "<", "<=", ">", ">=", "+"), tie("any")).map(([a, operator, b]) => `(${a} ${operator} ${b})`),
    fc.tuple(tie("any"), fc.constantFrom("&&", "||"), tie("any")).map(([a, operator, b]) => `(${a} ${operator} ${b})`),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => `((${a}) ?? (${b}))`),
    fc.tuple(tie("any"), tie("any"), tie("any")).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc.tuple(tie("any"), fc.constantFrom("a", "b", "length", "1")).map(([a, key]) => `(${a})['${key}']`),
    fc.tuple(tie("any"), fc.constantFrom("a", "length", "[0]", "[flow_input.n]")).map(([a, key]) => `(${a})?.${key}`),
    fc.tuple(tie("any"), tie("any"), tie("leaf")).map(([a, b, key]) => `({ a: ${a}, ...${b}, [${key}]: 1, 2: null })`),
    tie("any").map((a) => `(!${a})`),
    fc.tuple(tie("list"), tie("leaf")).map(([a, b]) => `(${a}).includes(${b})`),
    fc.tuple(tie("list"), tie("any")).map(([a, b]) => `(${a}).find((v) => v == ${b})`),
    fc.tuple(tie("list"), tie("any")).map(([a, b]) => `(${a}).reduce((sum, v) => sum + v, ${b})`),
  ),
}));

const said = (evaluation: Evaluation): string =>
  evaluation.kind === "value" ? JSON.stringify(evaluation.value) : evaluation.kind === "error" ? evaluation.name : "needs";

test("whatever the first tier answers is what JavaScript answers", () => {
  let answered = 0;
  let all = 0;
  fc.assert(
    fc.property(sources.any, scopes, (source, scope) => {
      all += 1;
      const evaluation = tiers.evaluateNow(source, scope);
      if (evaluation === undefined) return;
      answered += 1;
      expect(said(evaluation)).toBe(opinionOfNode(source, scope));
    }),
    { numRuns: 1_500 },
  );
  // Else it would compare nothing.
  expect(answered).toBeGreaterThan(all / 3);
}, 60_000);

test("both tiers say the same, errors and their places included", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(sources.any, scopes, async (source, scope) => {
      const now = tiers.evaluateNow(source, scope);
      if (now === undefined) return;
      compared += 1;
      expect(await tiers.evaluate(source, scope, "w")).toEqual(now);
    }),
    { numRuns: 250 },
  );
  expect(compared).toBeGreaterThan(60);
}, 60_000);
