import { afterAll, describe, expect, test } from "vitest";
import type { Json } from "../../kernel/json.ts";
import { checkExpressions } from "./check-expressions.ts";
import { ExpressionTiers } from "./expressions/tiers.ts";
import { parseFlow } from "./parse.ts";

const expressions = new ExpressionTiers();
afterAll(() => expressions.stop());

type Members = Readonly<Record<string, Json>>;

function problemsOf(modules: readonly Json[], value: Members = {}, more: Members = {}): string[] {
  const parsed = parseFlow({ summary: "s", value: { modules, ...value }, ...more });
  expect(parsed.problems).toEqual([]);
  return checkExpressions(parsed, expressions).map(({ pointer, message }) => `${pointer} ${message}`);
}

/** A step that evaluates an expression before it runs. */
const step = (id: string, expr = "1", more: Members = {}): Members => ({
  id,
  value: { type: "identity", input_transforms: { x: { type: "javascript", expr } } },
  ...more,
});
const branches = (type: "branchone" | "branchall", ...lists: (readonly Json[])[]): Members => ({
  id: type,
  value: { type, branches: lists.map((modules) => ({ expr: "true", modules })), ...(type === "branchone" && { default: [] }) },
});
const whileLoop = (...modules: Json[]): Members => ({ id: "while", value: { type: "whileloopflow", modules } });

describe("syntax", () => {
  test("of every expression that a document can hold is checked, and told with its place", () => {
    const bad = { expr: "1 +" };
    const transform = { type: "javascript", expr: "1 +" };
    const modules = [
      step("a", "1 +", {
        skip_if: bad,
        timeout: transform,
        sleep: transform,
        stop_after_if: bad,
        stop_after_all_iters_if: bad,
        retry: { constant: { attempts: 1, seconds: 1 }, retry_if: bad },
      }),
      { id: "loop", value: { type: "forloopflow", iterator: transform, parallelism: transform, modules: [step("in", "1 +")] } },
      { id: "one", value: { type: "branchone", branches: [{ expr: "1 +", modules: [] }], default: [step("else", "1 +")] } },
    ];
    const handler = (id: string): Members => ({ id, value: { type: "rawscript", language: "bash", content: "", input_transforms: { x: transform } } });
    const problems = problemsOf(modules, { skip_expr: "1 +", failure_module: handler("failure"), preprocessor_module: handler("preprocessor") });
    expect(problems.map((problem) => problem.split(" ")[0]).sort()).toEqual(
      [
        "/value/skip_expr",
        "/value/preprocessor_module/value/input_transforms/x/expr",
        "/value/failure_module/value/input_transforms/x/expr",
        "/value/modules/0/skip_if/expr",
        "/value/modules/0/timeout/expr",
        "/value/modules/0/value/input_transforms/x/expr",
        "/value/modules/0/stop_after_if/expr",
        "/value/modules/0/stop_after_all_iters_if/expr",
        "/value/modules/0/retry/retry_if/expr",
        "/value/modules/0/sleep/expr",
        "/value/modules/1/value/iterator/expr",
        "/value/modules/1/value/parallelism/expr",
        "/value/modules/1/value/modules/0/value/input_transforms/x/expr",
        "/value/modules/2/value/branches/0/expr",
        "/value/modules/2/value/default/0/value/input_transforms/x/expr",
      ].sort(),
    );
    expect(problems).toContainEqual(expect.stringMatching(/ step in: input_transforms\.x is no JavaScript expression: it ends too early/));
  });

  test("is checked also where steps are missing because they are wrong, references are not", () => {
    const modules = [{ id: "a", value: { type: "script", path: "nowhere" } }, step("b", "results.a"), step("c", "1 +")];
    const parsed = parseFlow({ summary: "", value: { modules } }, "/document");
    expect(parsed.problems).toHaveLength(1);
    expect(checkExpressions(parsed, expressions, "/document")).toEqual([
      { pointer: "/document/value/modules/2/value/input_transforms/x/expr", message: expect.stringContaining("is no JavaScript expression") },
    ]);
  });
});

describe("references to results", () => {
  test("to steps before, in the same list and in those around it, are fine", () => {
    const modules = [
      step("a"),
      branches("branchone", [step("b", "results.a"), step("c", 'results["b"] + results.a')], [step("d", "results.a")]),
      { id: "loop", value: { type: "forloopflow", iterator: { type: "javascript", expr: "results.a" }, modules: [step("e", "results.branchone")] } },
      step("f", "results.branchone ?? results.loop", { stop_after_if: { expr: "result > results.loop" } }),
    ];
    const handler = { type: "rawscript", language: "bash", content: "", input_transforms: { x: { type: "javascript", expr: "results.f ?? results.loop" } } };
    expect(problemsOf(modules, { failure_module: { value: handler } })).toEqual([]);
  });

  test("to steps inside earlier branches, and loops whose rounds follow one another, are fine; inside parallel loops there is not one of them", () => {
    const each = (parallel: boolean, ...modules: Json[]): Members => ({
      id: "each",
      value: { type: "forloopflow", parallel, iterator: { type: "static", value: [1] }, modules },
    });
    const modules = (parallel: boolean): Members[] => [
      branches("branchone", [whileLoop(step("in"), each(parallel, step("deep")))], [step("other")]),
      branches("branchall", [step("p")], [step("q")]),
      step("after", "results.in + results.while + results.each + results.other + results.p + results.q"),
      step("last", "results.deep", { stop_after_if: { expr: "results.deep" } }),
    ];
    const handler = { type: "rawscript", language: "bash", content: "", input_transforms: { x: { type: "javascript", expr: "results.q ?? results.deep" } } };
    expect(problemsOf(modules(false), { failure_module: { value: handler } })).toEqual([]);
    const why = "refers to results.deep, which is inside step each: results.each has its result";
    expect(problemsOf(modules(true))).toEqual([expect.stringContaining(`input_transforms.x ${why}`), expect.stringContaining(`stop_after_if ${why}`)]);
    const own = branches("branchone", [step("in")]);
    expect(problemsOf([{ ...own, skip_if: { expr: "results.in" } }])).toEqual([expect.stringContaining("skip_if refers to results.in, which cannot have run")]);
    expect(problemsOf([{ ...own, stop_after_if: { expr: "results.in" } }])).toEqual([]);
  });

  test("in the rule of a loop itself are to what its round has made", () => {
    const loop = (name: string, parallel: boolean): Members => ({
      id: "loop",
      value: { type: "forloopflow", parallel, iterator: { type: "static", value: [] }, modules: [step("in")] },
      [name]: { expr: "results.in > 1" },
    });
    expect(problemsOf([loop("stop_after_if", false)])).toEqual([]);
    expect(problemsOf([loop("stop_after_if", true)])).toEqual([]);
    expect(problemsOf([loop("stop_after_all_iters_if", false)])).toEqual([]);
    expect(problemsOf([loop("stop_after_all_iters_if", true)])).toHaveLength(1);
  });

  test.each<[string, readonly Json[], string]>([
    ["no step", [step("a"), step("b", "results.aa")], "step b: input_transforms.x refers to results.aa, but no step has that id: before it are a"],
    ["nothing before it", [step("b", "results.x")], "but no step has that id: before it are none"],
    ["the step itself", [step("a", "results.a")], "refers to results.a, which cannot have run by then"],
    ["a later step", [step("a", "results.b"), step("b")], "step a: input_transforms.x refers to results.b, which cannot have run by then"],
    ["another branch", [branches("branchone", [step("a")], [step("b", "results.a")])], "step b: input_transforms.x refers to results.a, which cannot"],
    ["a branch beside it", [branches("branchall", [step("a")], [step("b", "results.a")])], "refers to results.a, which cannot"],
    [
      "a loop in its rule for each round",
      [{ ...whileLoop(step("a")), stop_after_if: { expr: "results.while" } }],
      "step while: stop_after_if refers to results.while, which is `result` here",
    ],
    [
      "the loop around it",
      [whileLoop(step("a", "results.while"))],
      "refers to results.while, which cannot have run by then: it comes later, is in another branch, or",
    ],
  ])("of %s are refused", (_name, modules, message) => {
    expect(problemsOf(modules)).toEqual([expect.stringContaining(message)]);
  });

  test("inside a loop that goes round after round may be to any of its steps: those of the round before", () => {
    expect(
      problemsOf([whileLoop(step("a", "results.b ?? results.branchone"), step("b", "results.a"), branches("branchone", [step("c", "results.a")]))]),
    ).toEqual([]);
    const parallel = {
      id: "each",
      value: { type: "forloopflow", parallel: true, iterator: { type: "static", value: [] }, modules: [step("a", "results.b"), step("b")] },
    };
    expect(problemsOf([parallel])).toEqual([expect.stringContaining("refers to results.b, which cannot")]);
  });

  test("in the rules after a step are to its own result as well", () => {
    const rule = { expr: "results.a.done || result.done" };
    const retry = { constant: { attempts: 1, seconds: 1 }, retry_if: { expr: "results.a.error.name !== error.name" } };
    expect(problemsOf([step("a", "1", { stop_after_if: rule, retry, sleep: { type: "javascript", expr: "results.a.seconds" } })])).toEqual([]);
    expect(problemsOf([{ ...whileLoop(step("in")), stop_after_all_iters_if: { expr: "results.while.length > 3" } }])).toEqual([]);
    expect(problemsOf([step("a", "1", { skip_if: rule })])).toHaveLength(2);
  });

  test("that are only known when they are evaluated are not looked at", () => {
    expect(problemsOf([step("a", "results[flow_input.which]"), step("b", "Object.keys(results)")])).toEqual([]);
  });
});

describe("references to inputs", () => {
  const schema = { type: "object", properties: { n: { type: "integer" } }, additionalProperties: false };

  test("are compared with a schema that allows no others", () => {
    const modules = [step("a", "flow_input.m + flow_input.n"), whileLoop(step("b", 'flow_input.iter.index + flow_input["k"]'))];
    expect(problemsOf(modules, { skip_expr: "flow_input.l" }, { schema })).toEqual([
      "/value/skip_expr skip_expr refers to flow_input.l, which the schema does not allow: it has n, iter",
      "/value/modules/0/value/input_transforms/x/expr step a: input_transforms.x refers to flow_input.m, which the schema does not allow: it has n, iter",
      expect.stringContaining("step b: input_transforms.x refers to flow_input.k"),
    ]);
    expect(problemsOf([step("a", "flow_input")], {}, { schema })).toEqual([]);
  });

  test("are not, where the schema is open or a preprocessor makes the inputs", () => {
    expect(problemsOf([step("a", "flow_input.m")], {}, { schema: { ...schema, additionalProperties: true } })).toEqual([]);
    const preprocessor = { value: { type: "rawscript", language: "bash", content: "" } };
    expect(problemsOf([step("a", "flow_input.m")], { preprocessor_module: preprocessor }, { schema })).toEqual([]);
  });
});

test("early_return names a step", () => {
  expect(problemsOf([whileLoop(step("a"))], { early_return: "a" })).toEqual([]);
  expect(problemsOf([step("a")], { early_return: "b" })).toEqual(["/value/early_return early_return names step b, which is not there"]);
  const handler = { value: { type: "rawscript", language: "bash", content: "" } };
  expect(problemsOf([step("a")], { early_return: "failure", failure_module: handler })).toHaveLength(1);
});

describe("names", () => {
  test.each<[string, Json, string]>([
    [
      "result before the step",
      step("a", "result.x"),
      "step a: input_transforms.x uses result, which is not there: it is there after the step; before it, previous_result",
    ],
    ["iter outside of loops", step("a", "iter.value"), "uses iter, which is not there: it is there in the steps of a loop"],
    [
      "error outside of retry_if",
      step("a", "1", { stop_after_if: { expr: "error.name" } }),
      "uses error, which is not there: it is there in retry_if and in the",
    ],
    ["what other engines call the inputs", step("a", "inputs.n"), "uses inputs, which is not there: inputs of the flow are flow_input.<name>"],
    ["I/O", step("a", "fetch('https://example.com')"), "uses fetch, which is not there: expressions have no I/O and no modules: make it a script step"],
    ["a slip", step("a", "flow_inptu.n"), "uses flow_inptu, which is not there: expressions see flow_input, results, previous_result, flow_env, resume"],
  ])("%s is refused", (_name, module, message) => {
    expect(problemsOf([module])).toEqual([expect.stringContaining(message)]);
  });

  test("that are there where the expression stands, and those of the language, are fine", () => {
    const loop = (module: Json): Members => ({
      id: "loop",
      value: { type: "forloopflow", iterator: { type: "javascript", expr: "flow_input.list.map((n) => n + 1)" }, modules: [module] },
      stop_after_if: { expr: "result > iter.index" },
    });
    const last = step("z", "[resumes, resume, approvers, flow_env.x, variable('u/a/b'), resource('u/a/c'), new Date(0), Math.max(1), previous_result]");
    const handler = { type: "rawscript", language: "bash", content: "", input_transforms: { x: { type: "javascript", expr: "error.message" } } };
    expect(
      problemsOf([loop(step("in", "iter.value + flow_input.iter.index", { skip_if: { expr: "iter.index > 3" } })), last], {
        failure_module: { value: handler },
      }),
    ).toEqual([]);
  });

  test("that an expression may have made itself, or asks for, are not looked at", () => {
    const sources = [
      "typeof legacy === 'undefined'",
      "sum = 0; for (item of results) sum += item; sum",
      "try { legacy } catch { 1 }",
      "const f = (a) => a; f(1)",
      "eval('legacy')",
    ];
    for (const source of sources) expect([source, problemsOf([step("a", source)])]).toEqual([source, []]);
  });
});
