import { describe, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import type { Json } from "../../kernel/json.ts";
import { MAX_FINDINGS } from "./field-reader.ts";
import { FLOW_LIMITS, FLOW_SHAPE, MODULE_SHAPE, type ObjectShape, VALUE_SHAPE, VALUE_SHAPES } from "./openflow.ts";
import { parseFlow } from "./parse.ts";

type Members = Readonly<Record<string, Json>>;
const IDENTITY: Members = { type: "identity" };

function flowOf(modules: readonly Json[], more: Members = {}): Json {
  return { summary: "s", value: { modules, ...more } };
}

/** Pointer and message of each problem. */
function problemsOf(document: Json): string[] {
  return parseFlow(document).problems.map(({ pointer, message }) => `${pointer} ${message}`);
}

const problemsOfModule = (module: Members): string[] => problemsOf(flowOf([{ id: "a", value: IDENTITY, ...module }]));
const problemsOfValue = (value: Members): string[] => problemsOfModule({ value });

describe("what is wrong", () => {
  test("is told all at once, with the step, the field and a pointer into the request", () => {
    const document = flowOf([
      { id: "a", value: { type: "rawscript", language: "cobol" }, timeout: -1 },
      {
        id: "loop",
        value: { type: "forloopflow", modules: [{ id: "in", value: { type: "script", path: "somewhere" }, retry: { constant: { attempts: "2" } } }] },
      },
    ]);
    expect(parseFlow(document, "/document").problems).toEqual([
      { pointer: "/document/value/modules/0/value/language", message: expect.stringContaining("step a: value.language is not known: bash, python3") },
      { pointer: "/document/value/modules/0/value/content", message: "step a: value.content is missing" },
      { pointer: "/document/value/modules/0/timeout", message: "step a: timeout must be a number from 0 to 86400" },
      { pointer: "/document/value/modules/1/value/iterator", message: "step loop: value.iterator is missing" },
      { pointer: "/document/value/modules/1/value/modules/0/value/path", message: "step in: value.path must look like f/folder/name or u/user/name" },
      {
        pointer: "/document/value/modules/1/value/modules/0/retry/constant/attempts",
        message: "step in: retry.constant.attempts must be a whole number from 0 to 1000",
      },
    ]);
  });

  test.each<[string, Json, string]>([
    ["no object", [], " a flow is an object with the members summary and value"],
    ["no value", { summary: "s" }, "/value value is missing"],
    ["a value that is none", { summary: "s", value: 1 }, "/value value must be an object"],
    ["no modules", { summary: "s", value: {} }, "/value/modules modules is missing"],
    ["modules that are no list", flowOf([], { modules: {} }), "/value/modules modules must be a list"],
    ["a step that is none", flowOf(["a"]), "/value/modules/0 modules.0 must be an object"],
    ["a step without id", flowOf([{ value: IDENTITY }]), "/value/modules/0/id modules.0.id is missing"],
    ["a step without value", flowOf([{ id: "a" }]), "/value/modules/0/value step a: value is missing"],
    ["an unknown kind", flowOf([{ id: "a", value: { type: "goto" } }]), "step a: value.type must be one of rawscript, script, flow, forloopflow"],
    [
      "a key that names nothing",
      flowOf([], { concurrent_limit: 1, concurrency_key: "$input" }),
      "/value/concurrency_key concurrency_key is not right: only $workspace",
    ],
    ["a debounce that is shorter in all", flowOf([], { debounce_delay_s: 5, max_total_debouncing_time: 1 }), "max_total_debouncing_time must not be less"],
    ["an id of a handler", flowOf([], { failure_module: { id: "oops", value: IDENTITY } }), "/value/failure_module/id failure_module.id must be failure"],
    ["a handler that is a loop", flowOf([], { failure_module: { value: { type: "whileloopflow", modules: [] } } }), "must be a rawscript, script or flow"],
    [
      "a handler that waits",
      flowOf([], { preprocessor_module: { value: IDENTITY, suspend: { required_events: 1 } } }),
      "suspend is not supported: it is for steps",
    ],
    [
      "an argument for a model",
      flowOf([{ id: "a", value: { ...IDENTITY, input_transforms: { x: { type: "ai" } } } }]),
      "input_transforms.x.type is not supported",
    ],
    ["a script of the hub", flowOf([{ id: "a", value: { type: "script", path: "hub/28/x" } }]), "leads to Windmill's hub"],
    ["a hash of Windmill", flowOf([{ id: "a", value: { type: "script", path: "f/x/y", hash: "0a1b2c3d4e5f6071" } }]), "leave it out to run the newest one"],
  ])("%s is refused", (_name, document, message) => {
    expect(problemsOf(document).join("\n")).toContain(message);
  });

  test.each<[string, Members, string]>([
    ["a blank condition", { skip_if: { expr: " " } }, "skip_if.expr is missing"],
    ["a text for a flag", { continue_on_error: "yes" }, "continue_on_error must be true or false"],
    ["approvals without a number", { suspend: { timeout: 60 } }, "suspend.required_events is missing"],
    ["an unknown transform", { sleep: { type: "python", expr: "1" } }, "sleep.type must be static or javascript"],
    ["a time that is none", { sleep: { type: "static", value: "5" } }, "sleep.value must be a number from 0 to"],
    ["a static time without value", { timeout: { type: "static" } }, "timeout.value is missing"],
  ])("%s is refused", (_name, module, message) => {
    expect(problemsOfModule(module)).toEqual([expect.stringContaining(message)]);
  });

  test("ids are unique, legal and not reserved", () => {
    const step = (id: string): Members => ({ id, value: IDENTITY });
    const loop = { id: "loop", value: { type: "whileloopflow", modules: [step("a")] } };
    expect(problemsOf(flowOf([step("a"), loop]))).toEqual([
      "/value/modules/1/value/modules/0/id step a: id is also the id of /value/modules/0: each step needs its own",
    ]);
    expect(problemsOf(flowOf([step("a.b")])).join()).toContain("has letters, digits, _ and - only");
    for (const id of ["failure", "preprocessor", "Input"]) expect(problemsOf(flowOf([step(id)])).join()).toContain("is a reserved word");
    expect(problemsOf(flowOf([step("x".repeat(FLOW_LIMITS.idChars + 1))])).join()).toContain("is longer than 64 characters");
  });

  test("no more problems are told than somebody would read", () => {
    const { problems, ignored } = parseFlow(flowOf(Array.from({ length: 500 }, () => ({ nonsense: 1 }))));
    expect(problems).toHaveLength(MAX_FINDINGS);
    expect(ignored).toHaveLength(MAX_FINDINGS);
  });
});

describe("limits", () => {
  test("a flow has at most so many steps", () => {
    const steps = (count: number): Json[] => Array.from({ length: count }, (_, index) => ({ id: `s${index}`, value: IDENTITY }));
    expect(problemsOf(flowOf(steps(FLOW_LIMITS.modules)))).toEqual([]);
    const half = Math.ceil((FLOW_LIMITS.modules + 1) / 2);
    const branches = [{ modules: steps(half) }, { modules: steps(half).map((step, index) => ({ ...(step as Members), id: `t${index}` })) }];
    expect(problemsOf(flowOf([{ id: "all", value: { type: "branchall", branches } }]))).toEqual([expect.stringContaining("a flow has at most 1000 steps")]);
  });

  test("loops and branches stand in one another so deep and no deeper", () => {
    const nested = (depth: number): Json =>
      depth === 0 ? { id: "in", value: IDENTITY } : { id: `l${depth}`, value: { type: "whileloopflow", modules: [nested(depth - 1)] } };
    expect(problemsOf(flowOf([nested(FLOW_LIMITS.nesting)]))).toEqual([]);
    expect(problemsOf(flowOf([nested(FLOW_LIMITS.nesting + 1)]))).toEqual([expect.stringContaining("stands inside more than 16 loops and branches")]);
  });

  test.each<[string, Members, string]>([
    [
      "branches",
      { type: "branchall", branches: Array.from({ length: FLOW_LIMITS.branches + 1 }, () => ({ modules: [] })) },
      "value.branches has 201 items; 200 are the most",
    ],
    [
      "inputs",
      { ...IDENTITY, input_transforms: Object.fromEntries(Array.from({ length: FLOW_LIMITS.inputs + 1 }, (_, at) => [`x${at}`, { type: "static" }])) },
      "has 201 arguments",
    ],
    [
      "expressionChars",
      { type: "branchone", branches: [{ expr: "1".repeat(FLOW_LIMITS.expressionChars + 1), modules: [] }] },
      "is longer than 32768 characters",
    ],
  ])("%s", (_name, value, message) => {
    expect(problemsOfValue(value)).toEqual([expect.stringContaining(message)]);
  });
});

describe("members that no table has", () => {
  test("are kept and reported as ignored", () => {
    const document = { ...(flowOf([{ id: "a", value: { ...IDENTITY, colour: "red" }, "x/y": 1 }], { future: [1] }) as Members), edited_by: "ada" };
    const { problems, ignored } = parseFlow(document);
    expect({ problems, ignored }).toEqual({ problems: [], ignored: ["/edited_by", "/value/future", "/value/modules/0/x~1y", "/value/modules/0/value/colour"] });
  });

  /** Every member that is known not to be supported, with a document that has it. */
  const unsupported = (shape: ObjectShape, document: (name: string, value: Json) => Json): [string, (value: Json) => Json][] =>
    Object.keys(shape.unsupported).map((name) => [name, (value) => document(name, value)]);
  const cases = [
    ...unsupported(FLOW_SHAPE, (name, value) => ({ ...(flowOf([]) as Members), [name]: value })),
    ...unsupported(VALUE_SHAPE, (name, value) => flowOf([], { [name]: value })),
    ...unsupported(MODULE_SHAPE, (name, value) => flowOf([{ id: "a", value: IDENTITY, [name]: value }])),
    ...unsupported(VALUE_SHAPES.rawscript, (name, value) => flowOf([{ id: "a", value: { type: "rawscript", language: "bash", content: "", [name]: value } }])),
    ...unsupported(VALUE_SHAPES.script, (name, value) => flowOf([{ id: "a", value: { type: "script", path: "f/x/y", [name]: value } }])),
    ...unsupported(VALUE_SHAPES.flow, (name, value) => flowOf([{ id: "a", value: { type: "flow", path: "f/x/y", [name]: value } }])),
    ...unsupported(VALUE_SHAPES.whileloopflow, (name, value) => flowOf([{ id: "a", value: { type: "whileloopflow", modules: [], [name]: value } }])),
  ];
  test.each(cases)("%s is refused by name, unless it asks for nothing", (name, document) => {
    for (const value of [true, 5, "x", { a: 1 }]) expect(problemsOf(document(value))).toEqual([expect.stringContaining(`${name} is not supported: `)]);
    for (const value of [null, false, 0, "", {}, []]) expect(problemsOf(document(value))).toEqual([]);
  });
});

test("null means absent, in every setting of every object", () => {
  const nulls = (shape: ObjectShape, but: readonly string[]): Members =>
    Object.fromEntries(shape.known.filter((name) => !but.includes(name)).map((name) => [name, null]));
  const values = [
    { ...nulls(VALUE_SHAPES.rawscript, ["type"]), type: "rawscript", language: "bash", content: "" },
    { ...nulls(VALUE_SHAPES.script, ["type"]), type: "script", path: "f/x/y" },
    { ...nulls(VALUE_SHAPES.forloopflow, ["type"]), type: "forloopflow", iterator: { type: "static", value: [] }, modules: [] },
    { ...nulls(VALUE_SHAPES.branchone, ["type"]), type: "branchone", branches: [] },
  ];
  const modules = values.map((value, index) => ({ ...nulls(MODULE_SHAPE, ["id", "value"]), id: `s${index}`, value }));
  expect(parseFlow(flowOf(modules, nulls(VALUE_SHAPE, ["modules"])))).toMatchObject({ problems: [], ignored: [] });
});

test("whatever is sent, reading it ends, throws nothing, and gives plain JSON", () => {
  const names = [...VALUE_SHAPE.known, ...MODULE_SHAPE.known, ...Object.values(VALUE_SHAPES).flatMap((shape) => shape.known), "expr", "attempts", "constant"];
  const member = fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 3 }));
  const leaf = fc.oneof(fc.constantFrom(...Object.keys(VALUE_SHAPES), "static", "javascript", "a", "f/x/y"), fc.constantFrom(null, true, 0, -1, 1.5, 1e300));
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof({ maxDepth: 8 }, leaf, fc.array(tie("tree"), { maxLength: 4 }), fc.dictionary(member, tie("tree"), { maxKeys: 6 })),
  }));
  fc.assert(
    fc.property(tree, tree, (modules, more) => {
      const value = typeof more === "object" && more !== null && !Array.isArray(more) ? { ...more, modules } : { modules };
      const document = JSON.parse(JSON.stringify({ summary: "s", value }));
      const parsed = parseFlow(document);
      expect(JSON.parse(JSON.stringify(parsed.definition))).toEqual(parsed.definition);
      for (const { pointer } of parsed.problems) expect(pointer.startsWith("/value")).toBe(true);
    }),
    { numRuns: 300 },
  );
});
