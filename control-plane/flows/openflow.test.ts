import { describe, expect, test } from "vitest";
import type { Json } from "../../kernel/json.ts";
import type { FlowDefinition, Module } from "./model.ts";
import { parseFlow } from "./parse.ts";

// A test for each row of the OpenFlow table: what the document says is what the definition says. That it runs so is tested in `core/` and `engine/`.

type Members = Readonly<Record<string, Json>>;
const IDENTITY: Members = { type: "identity" };
const A: Members = { id: "a", value: IDENTITY };
const script = (more: Members = {}): Members => ({ type: "rawscript", language: "python3", content: "def main(): ...", input_transforms: {}, ...more });

function definitionOf(value: Members): FlowDefinition {
  const { definition, problems, ignored } = parseFlow({ summary: "s", value: { modules: [A], ...value } });
  expect({ problems, ignored }).toEqual({ problems: [], ignored: [] });
  return definition;
}

/** Where a document asks for what is not supported. */
function refusals(document: Members): string[] {
  return parseFlow(document).problems.flatMap(({ pointer, message }) => (message.includes(" is not supported: ") ? [pointer] : []));
}

function moduleOf(module: Members): Module | undefined {
  return definitionOf({ modules: [{ id: "a", value: IDENTITY, ...module }] }).modules[0];
}

const workOf = (value: Members): Module["value"] | undefined => moduleOf({ value })?.value;
const inputs = { a: { type: "static", value: 1 }, b: { type: "javascript", expr: "flow_input.b" } } as const;
const read = { a: { kind: "static", value: 1 }, b: { kind: "expression", source: "flow_input.b" } };

describe("a flow", () => {
  test("summary, description, schema", () => {
    const schema = { type: "object", properties: { n: { type: "integer" } } };
    expect(parseFlow({ summary: "S", description: "D", schema, value: { modules: [A] } })).toMatchObject({
      summary: "S",
      description: "D",
      schema: { ...schema, order: ["n"] },
      problems: [],
    });
  });

  test("value, modules[]", () => {
    const { modules } = definitionOf({ modules: [A, { id: "b", summary: "B", value: IDENTITY }] });
    expect(modules).toEqual([
      { id: "a", value: { kind: "identity", inputs: {} } },
      { id: "b", summary: "B", value: { kind: "identity", inputs: {} } },
    ]);
  });

  test("failure_module", () => {
    expect(definitionOf({ failure_module: { id: "failure", value: script() } }).failureModule).toMatchObject({ id: "failure", value: { kind: "rawscript" } });
    expect(definitionOf({ failure_module: { value: script() } }).failureModule?.id).toBe("failure");
    // Its function may take the error without an input that says so, as Windmill's own examples do.
    const inputsFor = (content: string, more: Members = {}): unknown =>
      definitionOf({ failure_module: { value: script({ content, ...more }) } }).failureModule?.value;
    expect(inputsFor("def main(error): ...")).toMatchObject({ inputs: { error: { kind: "expression", source: "error" } } });
    expect(inputsFor("def main(): ...")).toMatchObject({ inputs: {} });
    expect(inputsFor("def main(error): ...", { input_transforms: inputs })).toMatchObject({ inputs: read });
  });

  test("preprocessor_module", () => {
    const preprocessor = (value: Members): unknown => definitionOf({ preprocessor_module: { id: "preprocessor", value } }).preprocessor;
    const event = { event: { kind: "expression", source: "flow_input.event" } };
    expect(preprocessor(script({ content: "def preprocessor(event): ..." }))).toMatchObject({ id: "preprocessor", value: { inputs: event } });
    expect(preprocessor({ type: "script", path: "f/x/y" })).toMatchObject({ value: { inputs: event } });
    expect(preprocessor(script())).toMatchObject({ value: { inputs: {} } });
    expect(preprocessor(script({ input_transforms: inputs }))).toMatchObject({ value: { inputs: read } });
  });

  test("same_worker", () => {
    expect(definitionOf({ same_worker: true }).sameWorker).toBe(true);
    expect(definitionOf({ same_worker: false }).sameWorker).toBe(false);
    const cached = (value: Members): Json => ({ summary: "s", value: { same_worker: true, modules: [{ id: "a", value, cache_ttl: 60 }] } });
    expect(parseFlow(cached(script())).problems).toMatchObject([{ pointer: "/value/modules/0/cache_ttl" }]);
    expect(parseFlow(cached({ type: "flow", path: "f/x/sub" })).problems).toEqual([]);
  });

  test("concurrent_limit, concurrency_key, concurrency_time_window_s", () => {
    const value = { concurrent_limit: 3, concurrency_key: "$workspace/$args[user]", concurrency_time_window_s: 60 };
    expect(definitionOf(value).concurrency).toEqual({ limit: 3, key: "$workspace/$args[user]", windowS: 60 });
    expect(definitionOf({ concurrent_limit: 1, concurrency_time_window_s: 0 }).concurrency).toEqual({ limit: 1 });
    expect(definitionOf({ concurrency_time_window_s: 0 }).concurrency).toBeUndefined();
  });

  test("debounce_delay_s, debounce_key, max_total_debouncing_time", () => {
    const value = { debounce_delay_s: 2.5, debounce_key: "$args[id]", max_total_debouncing_time: 60 };
    expect(definitionOf(value).debounce).toEqual({ delayS: 2.5, key: "$args[id]", maxDelayS: 60 });
  });

  test("skip_expr", () => {
    expect(definitionOf({ skip_expr: "flow_input.n === 0" }).skipExpr).toBe("flow_input.n === 0");
    expect(definitionOf({ skip_expr: "" }).skipExpr).toBeUndefined();
  });

  test("cache_ttl", () => {
    expect(definitionOf({ cache_ttl: 300 }).cacheTtlS).toBe(300);
    expect(definitionOf({ cache_ttl: 0 }).cacheTtlS).toBeUndefined();
  });

  test("flow_env", () => {
    expect(definitionOf({ flow_env: { URL: "https://x", n: 1, price: "$5" } }).env).toEqual({ URL: "https://x", n: 1, price: "$5" });
    const refers = { summary: "s", value: { modules: [A], flow_env: { KEY: "$var:f/x/key", DB: "$res:f/x/db" } } };
    expect(refusals(refers)).toEqual(["/value/flow_env/KEY", "/value/flow_env/DB"]);
  });

  test("priority", () => {
    expect(definitionOf({ priority: 7 }).priority).toBe(7);
    expect(definitionOf({ priority: 100 }).priority).toBe(9);
  });

  test("early_return", () => {
    expect(definitionOf({ early_return: "a" }).earlyReturn).toBe("a");
  });

  test("notes, groups, chat_input_enabled", () => {
    const notes = [{ id: "n", text: "look", color: "yellow", type: "free" }];
    const kept = definitionOf({ notes, groups: [{ summary: "g", start_id: "a", end_id: "a" }], chat_input_enabled: true });
    expect(kept).toEqual(definitionOf({}));
  });
});

describe("a module", () => {
  test("value.type = rawscript", () => {
    const value = script({
      language: "bun",
      content: "export function main() {}",
      input_transforms: inputs,
      path: "f/x/y",
      tag: "gpu",
      concurrent_limit: 2,
      concurrency_time_window_s: 5,
      custom_concurrency_key: "k",
      is_trigger: false,
      assets: [],
    });
    expect(workOf(value)).toEqual({
      kind: "rawscript",
      language: "typescript",
      content: "export function main() {}",
      path: "f/x/y",
      tag: "gpu",
      concurrency: { limit: 2, windowS: 5, key: "k" },
      inputs: read,
    });
  });

  test("value.type = rawscript: its lock is kept and reported as ignored", () => {
    const document = { summary: "s", value: { modules: [{ id: "a", value: script({ lock: "pandas==2" }) }] } };
    expect(parseFlow(document)).toMatchObject({ problems: [], ignored: ["/value/modules/0/value/lock"] });
  });

  test.each([
    ["python3", "python3"],
    ["deno", "typescript"],
    ["nativets", "typescript"],
    ["rlang", "r"],
    ["powershell", "powershell"],
    ["csharp", "csharp"],
    ["nu", "nu"],
    ["ansible", "ansible"],
    ["mssql", "mssql"],
  ])("language %s is %s, with or without a runtime", (language, kind) => {
    expect(workOf(script({ language }))).toMatchObject({ language: kind });
  });

  test("value.type = script", () => {
    const hash = "0123456789abcdef".repeat(4);
    const value = { type: "script", path: "f/x/y", hash, input_transforms: inputs, tag_override: "gpu" };
    expect(workOf(value)).toEqual({ kind: "script", path: "f/x/y", hash, tag: "gpu", inputs: read });
    expect(workOf({ type: "script", path: "u/ada/y" })).toEqual({ kind: "script", path: "u/ada/y", inputs: {} });
  });

  test("value.type = flow", () => {
    expect(workOf({ type: "flow", path: "f/x/sub", input_transforms: inputs })).toEqual({ kind: "flow", path: "f/x/sub", inputs: read });
  });

  test("value.type = forloopflow", () => {
    const list = { type: "javascript", expr: "results.a" };
    const value = {
      type: "forloopflow",
      iterator: list,
      modules: [{ ...A, id: "in" }],
      skip_failures: false,
      parallel: true,
      parallelism: { type: "static", value: 5 },
    };
    expect(workOf(value)).toEqual({
      kind: "forloop",
      iterator: { kind: "expression", source: "results.a" },
      modules: [{ id: "in", value: { kind: "identity", inputs: {} } }],
      skipFailures: false,
      parallel: true,
      parallelism: { kind: "static", value: 5 },
    });
    expect(workOf({ type: "forloopflow", iterator: { type: "static", value: [1, 2] }, modules: [], parallelism: 2, squash: true })).toMatchObject({
      iterator: { kind: "static", value: [1, 2] },
      skipFailures: true,
      parallel: false,
      parallelism: { kind: "static", value: 2 },
    });
  });

  test("value.type = whileloopflow", () => {
    const value = { type: "whileloopflow", modules: [{ ...A, id: "in" }], skip_failures: true, parallel: false };
    expect(parseFlow({ summary: "", value: { modules: [{ id: "w", value }] } })).toMatchObject({
      definition: { modules: [{ value: { kind: "whileloop", skipFailures: true, modules: [{ id: "in" }] } }] },
      problems: [],
    });
    expect(workOf({ type: "whileloopflow", modules: [] })).toMatchObject({ skipFailures: false });
  });

  test("value.type = branchone", () => {
    const branches = [{ summary: "yes", expr: "true", modules: [{ ...A, id: "in" }] }];
    expect(workOf({ type: "branchone", branches, default: [{ ...A, id: "else" }] })).toMatchObject({
      kind: "branchone",
      branches: [{ summary: "yes", expr: "true", modules: [{ id: "in" }] }],
      default: [{ id: "else" }],
    });
    expect(workOf({ type: "branchone", branches })).toMatchObject({ default: [] });
  });

  test("value.type = branchall", () => {
    const branches = [{ summary: "one", skip_failure: false, modules: [] }, { modules: [{ ...A, id: "in" }] }];
    expect(workOf({ type: "branchall", branches, parallel: false })).toMatchObject({
      kind: "branchall",
      branches: [
        { summary: "one", skipFailure: false, modules: [] },
        { skipFailure: true, modules: [{ id: "in" }] },
      ],
      parallel: false,
    });
    expect(workOf({ type: "branchall", branches })).toMatchObject({ parallel: true });
  });

  test("value.type = identity", () => {
    expect(workOf({ type: "identity", flow: false, input_transforms: inputs })).toEqual({ kind: "identity", inputs: read });
  });

  test("value.type = aiagent", () => {
    expect(workOf({ type: "aiagent", tools: [{ id: "t", value: { tool_type: "mcp" } }], input_transforms: { prompt: { type: "ai" } } })).toEqual({
      kind: "aiagent",
    });
  });

  test("input_transforms", () => {
    const transforms = {
      text: { type: "static", value: "$res:f/db/main" },
      nothing: { type: "static", value: null },
      untouched: { type: "static" },
      empty: { type: "javascript", expr: "" },
      both: { type: "javascript", expr: "results.b", value: "shown by the editor" },
    };
    expect(workOf(script({ input_transforms: transforms }))).toMatchObject({
      inputs: {
        text: { kind: "static", value: "$res:f/db/main" },
        nothing: { kind: "static", value: null },
        both: { kind: "expression", source: "results.b" },
      },
    });
  });

  test("stop_after_if", () => {
    expect(moduleOf({ stop_after_if: { expr: "result > 1", skip_if_stopped: true, error_message: "too much" } })?.stopAfterIf).toEqual({
      expr: "result > 1",
      skipIfStopped: true,
      errorMessage: "too much",
    });
    expect(moduleOf({ stop_after_if: { expr: "true", error_message: "" } })?.stopAfterIf).toEqual({ expr: "true", skipIfStopped: false, errorMessage: "" });
  });

  test("stop_after_all_iters_if", () => {
    expect(moduleOf({ stop_after_all_iters_if: { expr: "result.length > 3" } })?.stopAfterAllItersIf).toEqual({
      expr: "result.length > 3",
      skipIfStopped: false,
    });
  });

  test("skip_if", () => {
    expect(moduleOf({ skip_if: { expr: "flow_input.dry" } })?.skipIf).toBe("flow_input.dry");
    // What the editor leaves behind of rules that were taken back.
    const nothing = { expr: "" };
    const rules = { skip_if: nothing, stop_after_if: { ...nothing, skip_if_stopped: false }, stop_after_all_iters_if: nothing };
    expect(moduleOf({ ...rules, retry: { constant: { attempts: 1, seconds: 0 }, retry_if: nothing } })).toEqual({
      ...moduleOf({}),
      retry: { constant: { attempts: 1, seconds: 0 } },
    });
  });

  test("sleep", () => {
    expect(moduleOf({ sleep: { type: "javascript", expr: "flow_input.s" } })?.sleep).toEqual({ kind: "expression", source: "flow_input.s" });
  });

  test("timeout", () => {
    expect(moduleOf({ timeout: { type: "static", value: 30 } })?.timeout).toEqual({ kind: "static", value: 30 });
    expect(moduleOf({ timeout: 30 })?.timeout).toEqual({ kind: "static", value: 30 });
    expect(moduleOf({ timeout: 0 })?.timeout).toBeUndefined();
    const loop = { id: "a", value: { type: "whileloopflow", modules: [] }, timeout: 30 };
    expect(refusals({ summary: "s", value: { modules: [loop] } })).toEqual(["/value/modules/0/timeout"]);
  });

  test("cache_ttl, delete_after_use, priority", () => {
    expect(moduleOf({ value: script(), cache_ttl: 60 })?.cacheTtlS).toBe(60);
    expect(moduleOf({ value: script(), delete_after_use: true })?.deleteAfterUse).toBe(true);
    expect(moduleOf({ value: script(), cache_ttl: 0, delete_after_use: false })).toEqual({ id: "a", value: workOf(script()) });
    expect(moduleOf({ priority: 9 })?.priority).toBe(9);
    const loop = { type: "whileloopflow", modules: [] };
    expect(refusals({ summary: "s", value: { modules: [{ id: "a", value: loop, cache_ttl: 60, delete_after_use: true }] } })).toEqual([
      "/value/modules/0/cache_ttl",
      "/value/modules/0/delete_after_use",
    ]);
    const both = { id: "a", value: script(), cache_ttl: 60, delete_after_use: true };
    expect(parseFlow({ summary: "s", value: { modules: [both] } }).problems).toMatchObject([{ pointer: "/value/modules/0/delete_after_use" }]);
  });

  test("mock", () => {
    expect(moduleOf({ mock: { enabled: true, return_value: { a: 1 } } })?.mock).toEqual({ returnValue: { a: 1 } });
    expect(moduleOf({ mock: { enabled: true } })?.mock).toEqual({ returnValue: null });
    expect(moduleOf({ mock: { enabled: false, return_value: 1 } })?.mock).toBeUndefined();
  });

  test("retry", () => {
    const retry = {
      constant: { attempts: 2, seconds: 5 },
      exponential: { attempts: 3, multiplier: 2, seconds: 3, random_factor: 10 },
      retry_if: { expr: "error.name !== 'Fatal'" },
    };
    expect(moduleOf({ retry })?.retry).toEqual({
      constant: { attempts: 2, seconds: 5 },
      exponential: { attempts: 3, multiplier: 2, seconds: 3, randomFactorPercent: 10 },
      retryIf: "error.name !== 'Fatal'",
    });
    const asked = { constant: { attempts: 0, seconds: 0 }, exponential: { attempts: 0, multiplier: 1, seconds: 0 } };
    expect(moduleOf({ retry: asked })?.retry).toBeUndefined();
  });

  test("continue_on_error", () => {
    expect(moduleOf({ continue_on_error: true })?.continueOnError).toBe(true);
  });

  test("suspend", () => {
    const suspend = {
      required_events: 2,
      timeout: 3600,
      resume_form: { schema: { properties: { why: { type: "string" } } } },
      user_auth_required: true,
      self_approval_disabled: true,
      hide_cancel: true,
      continue_on_disapprove_timeout: true,
    };
    expect(moduleOf({ suspend })?.suspend).toEqual({
      requiredEvents: 2,
      timeoutS: 3600,
      formSchema: { properties: { why: { type: "string" } } },
      userAuthRequired: true,
      selfApprovalDisabled: true,
      hideCancel: true,
      continueOnDisapproveTimeout: true,
    });
    expect(moduleOf({ suspend: { required_events: 1 } })?.suspend).toEqual({
      requiredEvents: 1,
      userAuthRequired: false,
      selfApprovalDisabled: false,
      hideCancel: false,
      continueOnDisapproveTimeout: false,
    });
    expect(moduleOf({ suspend: { required_events: 0 } })?.suspend).toBeUndefined();
    expect(moduleOf({ suspend: {} })?.suspend).toBeUndefined();
    const asks = (value: Json): Members => ({ suspend: { required_events: 1, user_groups_required: value } });
    expect(moduleOf(asks({ type: "static", value: ["g/approvers", "sales"] }))?.suspend?.userGroupsRequired).toEqual(["approvers", "sales"]);
    expect(moduleOf(asks({ type: "static", value: [] }))?.suspend?.userGroupsRequired).toBeUndefined();
    for (const value of [
      { type: "javascript", expr: "flow_input.groups" },
      { type: "static", value: "approvers" },
      { type: "static", value: ["no name"] },
    ])
      expect(parseFlow({ summary: "s", value: { modules: [{ ...A, ...asks(value) }] } }).problems).toMatchObject([
        { pointer: "/value/modules/0/suspend/user_groups_required" },
      ]);
  });
});
