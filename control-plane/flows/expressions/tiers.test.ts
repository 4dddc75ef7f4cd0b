import { afterAll, expect, test } from "vitest";
import type { Evaluation, Scope } from "./expressions.ts";
import { scopeOf } from "./test-scope.fixture.ts";
import { ExpressionTiers } from "./tiers.ts";

const tiers = new ExpressionTiers();
afterAll(() => tiers.stop());

const SCOPE = scopeOf({
  flow_input: { user: { name: "Ada", emails: ["ada@example.com", "a@b.c"] }, iter: { index: 1, value: "x" }, n: 3 },
  results: {
    a: {
      items: [
        { id: 1, price: 5 },
        { id: 2, price: 15 },
      ],
    },
    b: null,
  },
  previous_result: { page: 2, total: 50, per_page: 10 },
});

const evaluate = (source: string, scope: Scope = SCOPE): Promise<Evaluation> => tiers.evaluate(source, scope, "w");

async function resultOf(source: string, scope: Scope = SCOPE): Promise<unknown> {
  const evaluation = await evaluate(source, scope);
  if (evaluation.kind !== "value") throw new Error(`${source}: ${JSON.stringify(evaluation)}`);
  return evaluation.value;
}

async function messageOf(source: string, scope: Scope = SCOPE): Promise<string> {
  const evaluation = await evaluate(source, scope);
  return evaluation.kind === "error" ? `${evaluation.name}: ${evaluation.message}` : JSON.stringify(evaluation);
}

test("the sandbox runs all of JavaScript that a flow may need", async () => {
  expect(await resultOf("results.a.items.filter(({ price }) => price > flow_input.n * 2).map((i) => i.id)")).toEqual([2]);
  expect(await resultOf("flow_input.user.emails.map((e) => /@(.+)$/.exec(e)[1]).sort()")).toEqual(["b.c", "example.com"]);
  expect(await resultOf("const { page, total, per_page } = previous_result;\nreturn page * per_page < total")).toBe(true);
  expect(await resultOf("let sum = 0; for (const { price } of results.a.items) sum += price; sum")).toBe(20);
  expect(await resultOf("[...new Set([1, 1, 2])].concat(Object.entries({ a: 1 }))")).toEqual([1, 2, ["a", 1]]);
  expect(await resultOf("{ ...flow_input.user, emails: undefined }")).toEqual({ name: "Ada" });
  expect(await resultOf("try { JSON.parse('x') } catch (e) { return e.name }")).toBe("SyntaxError");
  expect(await resultOf("if (flow_input.n > 2) { 'many' } else { 'few' }")).toBe("many");
  expect(await resultOf("function twice(x) { return x * 2 }\ntwice(flow_input.n)")).toBe(6);
  expect(await resultOf("structured = 1; `${structured}`")).toBe("1");
});

test("promises may be awaited, which people are used to", async () => {
  expect(await resultOf("const a = await Promise.resolve(1); return a + (await 2)")).toBe(3);
  expect(await resultOf("(async () => { await null; return flow_input.n })()")).toBe(3);
  expect(await resultOf("await Promise.all([1, Promise.resolve(2)])")).toEqual([1, 2]);
  expect(await messageOf("await Promise.reject(new TypeError('no'))")).toMatch(/^TypeError: no/);
  expect(await messageOf("new Promise(() => {})")).toMatch(/^Error: it waits for a promise that nothing keeps/);
});

test("a value is what JSON makes of it; nothing is null", async () => {
  expect(await resultOf("results.missing")).toBeNull();
  expect(await resultOf("[undefined, NaN, -0, new Date(0), new Map()].concat([() => 1])")).toEqual([null, null, 0, "1970-01-01T00:00:00.000Z", {}, null]);
  expect(await resultOf("({ toJSON: () => ({ a: 1 }) })")).toEqual({ a: 1 });
  expect(await resultOf("'\\ud800 \\u0000 é😀'")).toBe("\ud800 \u0000 é😀");
  expect(await messageOf("flow_input.user.emails.map")).toMatch(/^TypeError: the value is a function/);
  expect(await messageOf("({ a: 10n })")).toMatch(/^TypeError: .*BigInt/i);
});

test("an error says what, where and of which expression, and nothing of our own", async () => {
  expect(tiers.evaluateNow("results.x.y", SCOPE)).toEqual({
    kind: "error",
    name: "TypeError",
    message: `cannot read property 'y' of undefined, at line 1, column 11 of "results.x.y"`,
  });
  expect(await messageOf("results.x.y")).toBe(`TypeError: cannot read property 'y' of undefined, at line 1, column 11 of "results.x.y"`);
  expect(await messageOf("const a = 1;\n\nif (a) {\n  a.b.c\n}")).toBe(
    `TypeError: cannot read property 'c' of undefined, at line 4, column 7 of "const a = 1; if (a) { a.b.c }"`,
  );
  expect(await messageOf("unheard_of + 1")).toMatch(/^ReferenceError: 'unheard_of' is not defined, at line 1, column \d+ of "unheard_of \+ 1"$/);
  expect(await messageOf("resume.x")).toMatch(/^ReferenceError: 'resume' is not defined/);
  expect(await messageOf("throw new RangeError('too few')")).toMatch(/^RangeError: too few, at line 1, column \d+ of/);
  expect(await messageOf("throw { code: 5 }")).toMatch(/^Error: /);
  expect(await messageOf("(")).toBe(`SyntaxError: it ends too early, at line 1, column 2 of "("`);
  for (const source of ["results.x.y", "throw new Error('x'.repeat(9999))", "null.x", "[].reduce((a) => a)"]) {
    expect(await messageOf(source)).not.toMatch(/guest|node:|worker|\.ts|\n/);
    expect((await messageOf(source)).length).toBeLessThan(700);
  }
});

test("an expression that is no JavaScript is found at once, with its place", () => {
  expect(tiers.check("results.a.b")).toBeUndefined();
  expect(tiers.check("const a = 1;\nlet = 3 +")).toMatch(/, at line 2, column \d+ of "const a = 1; let = 3 \+"$/);
  expect(tiers.evaluateNow("a b", SCOPE)).toMatchObject({ kind: "error", name: "SyntaxError" });
  expect(tiers.references("a b")).toEqual({ results: [], names: new Set(), paths: new Map(), variables: [], resources: [], free: [] });
});

test("what an expression refers to is known without running it", () => {
  expect(tiers.references('results.a.b + results["c"].map((x) => x.y) + flow_input.x + variable("u/k") + resource("f/db").host')).toEqual({
    results: ["a", "c"],
    names: new Set(["flow_input", "results"]),
    paths: new Map([
      ["flow_input", [["x"]]],
      ["results", [["a", "b"], ["c"]]],
    ]),
    variables: ["u/k"],
    resources: ["f/db"],
    free: ["results", "flow_input", "variable", "resource"],
  });
  expect(tiers.references("Object.keys(results)").results).toBe("all");
  expect(tiers.references("results[flow_input.step]").results).toBe("all");
  expect(tiers.references("eval('results.a')").results).toBe("all");
  expect(tiers.references("eval('results.a')").names.size).toBe(10);
  expect(tiers.references("Math.max(1)").names).toEqual(new Set());
});

test("variables and resources that the scope lacks are asked for, in either tier", async () => {
  const scope = scopeOf({ flow_input: { on: true } }, { variables: new Map([["u/a", "A"]]), resources: new Map([["f/db", { host: "h" }]]) });
  expect(await resultOf('variable("u/a") + (await resource("f/db")).host.replace(/h/, "H")', scope)).toBe("AH");
  const needs = { kind: "needs", variables: ["u/b"], resources: [] };
  expect(tiers.evaluateNow('flow_input.on ? variable("u/b") : 1', scope)).toEqual(needs);
  expect(await evaluate('[1].map(() => variable("u/" + "b"))', scope)).toEqual(needs);
  expect(await evaluate('try { variable("u/b") } catch { 1 }', scope)).toEqual(needs);
  expect(await evaluate('(async () => { await 1; return resource("f/x") })()', scope)).toEqual({ kind: "needs", variables: [], resources: ["f/x"] });
  expect(await evaluate('await Promise.allSettled([1, 2].map(async (n) => variable("u/" + n)))', scope)).toEqual({
    kind: "needs",
    variables: ["u/1", "u/2"],
    resources: [],
  });
  expect(await messageOf("variable(1)", scope)).toMatch(/^TypeError: variable\(\) takes a path as text/);
});

test("the clock stands at the moment of the event, or is refused; chance always is", async () => {
  const scope = scopeOf({}, { atMs: Date.UTC(2026, 0, 2, 3, 4, 5) });
  expect(await resultOf("[new Date().toISOString(), Date.now(), new Date(2020, 0, 1, 12).toISOString(), new Date().getTimezoneOffset()]", scope)).toEqual([
    "2026-01-02T03:04:05.000Z",
    Date.UTC(2026, 0, 2, 3, 4, 5),
    "2020-01-01T12:00:00.000Z",
    0,
  ]);
  expect(await resultOf("[new Date(0) instanceof Date, Date.UTC(2020, 0), new Date('2020-01-01').getFullYear(), typeof Date()]", scope)).toEqual([
    true,
    1577836800000,
    2020,
    "string",
  ]);
  for (const source of ["new Date()", "Date.now()", "Date()", "new (new Date(0).constructor)()", "eval('Date.now()')"]) {
    expect([source, await messageOf(source)]).toEqual([source, expect.stringMatching(/^Error: there is no clock here/)]);
  }
  expect(await resultOf("new Date(0).toISOString()")).toBe("1970-01-01T00:00:00.000Z");
  expect(await messageOf("Math.random()")).toMatch(/^Error: Math.random\(\) is not for expressions/);
});

test("local time is UTC, whatever it is where the server stands", async () => {
  const before = process.env["TZ"];
  process.env["TZ"] = "America/New_York";
  const own = new ExpressionTiers({ threads: 1 });
  try {
    expect(new Date(0).getTimezoneOffset()).toBe(300);
    const evaluation = await own.evaluate(
      "[new Date(0).getHours(), new Date(2020, 6, 1).toISOString(), new Date('2020-07-01T00:00').getTime()]",
      scopeOf(),
      "w",
    );
    expect(evaluation).toEqual({ kind: "value", value: [0, "2020-07-01T00:00:00.000Z", Date.UTC(2020, 6, 1)] });
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
    await own.stop();
  }
});

test("integers that a number cannot hold are rounded once they are computed with, as in JavaScript", async () => {
  const id = (JSON as unknown as { rawJSON(text: string): never }).rawJSON("9007199254740993");
  const scope = scopeOf({ results: { a: { id, list: [id] } } });
  const passed = tiers.evaluateNow("({ id: results.a.id })", scope);
  expect(JSON.stringify(passed)).toContain('{"id":9007199254740993}');
  expect(await resultOf("results.a.list.map(({ length }) => 1).length", scope)).toBe(1);
  expect(await resultOf("results.a.id + 2", scope)).toBe(9007199254740994);
});

test("only what is read is passed to the sandbox", async () => {
  const big = "x".repeat(3 * 1024 * 1024);
  const scope = scopeOf({ results: { big, more: big, a: [1] }, flow_input: { n: 1, big }, previous_result: big });
  expect(await resultOf("results.a.map((x) => x + flow_input.n).sort()", scope)).toEqual([2]);
  expect(await resultOf("results.big.length.toString(2).length", scope)).toBe(22);
  expect(await messageOf("[results, flow_input].map((x) => Object.keys(x)).sort()", scope)).toMatch(/^LimitExceeded: what it reads is larger than/);
});

test("evaluations of many workspaces at once all get their own answer", async () => {
  const all = Array.from({ length: 200 }, (_, n) => tiers.evaluate("[n].map((x) => x * 2).sort()[0]", scopeOf({ n }), `w${n % 7}`));
  expect((await Promise.all(all)).map((one) => one.kind === "value" && one.value)).toEqual(all.map((_, n) => n * 2));
  expect(tiers.threads).toBeLessThanOrEqual(2);
});

test("after the end there are no threads, and everything is answered", async () => {
  const own = new ExpressionTiers();
  expect(own.threads).toBe(0);
  const running = own.evaluate("[1].sort()", SCOPE, "w");
  const waiting = Array.from({ length: 20 }, () => own.evaluate("for (;;) {} 1", SCOPE, "w"));
  await own.stop();
  for (const evaluation of await Promise.all([running, ...waiting])) expect(evaluation).toMatchObject({ kind: "error", name: "Unavailable" });
  expect(await own.evaluate("[1].sort()", SCOPE, "w")).toMatchObject({ kind: "error", name: "Unavailable" });
  expect(own.threads).toBe(0);
});
