import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createJobIdGenerator, type JobId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import type { Caller } from "../../http/authorize.ts";
import { readArgs, readJob } from "../../jobs/job-store.ts";
import { presentJob } from "../../jobs/present.ts";
import { createFlowRunStore } from "../engine/flow-run-store.ts";
import { FlowBench, type RunEnd, step } from "../engine/testing/flow-bench.ts";
import { ExpressionTiers } from "../expressions/tiers.ts";
import { createFlowCache } from "../flow-cache.ts";
import { createFlowReader } from "../flow-reader.ts";
import { insertFlowVersion } from "../flow-store.ts";
import { wantedFlow } from "../wanted-flow.ts";
import type { RestartRequest, StepTestRequest } from "./contract.ts";
import { type RestartParts, Restarts } from "./restarts.ts";
import { StepTests } from "./step-tests.ts";

let bench: FlowBench;
let restarts: Restarts;
let tests: StepTests;
let caller: Caller;
const expressions = new ExpressionTiers();

beforeAll(async () => {
  bench = await FlowBench.open();
  const { pool } = bench.owner;
  const deployer = { pool, cache: createFlowCache(pool, () => performance.now()), readFlow: createFlowReader({ expressions }) };
  const workspace = { id: bench.workspace, name: "bench" };
  caller = { principal: { kind: "workspace", label: "Ann" }, workspace, check: async () => undefined } as unknown as Caller;
  const newJobId = createJobIdGenerator(() => Date.now());
  const accept: RestartParts["accept"] = async (of, make) => {
    const { job } = await make({ workspace, createdBy: of.principal.label, clock: bench.owner.clock, newJobId, checkArgs: () => [] });
    await bench.owner.owner.enqueue([job]);
    const record = await recordOf(job.job.id);
    return presentJob("bench", record, undefined);
  };
  const recordOf = async (id: JobId): ReturnType<RestartParts["record"]> => {
    const record = await readJob(pool, bench.workspace, id);
    if (record === undefined) throw new Error("no job");
    return record;
  };
  const wanted: RestartParts["wanted"] = (of, request) => wantedFlow(deployer, of, request);
  const parts = { pool, store: createFlowRunStore(pool), wanted, record: (_: unknown, id: JobId) => recordOf(id), accept, wallMs: () => Date.now() };
  restarts = new Restarts({ ...parts, newJobId });
  tests = new StepTests({ ...parts, resultMaxBytes: 1024 * 1024 });
}, 60_000);
afterAll(async () => {
  await bench.close();
  await expressions.stop();
});
beforeEach(() => {
  bench.script = ({ n }, id) => (id === "bad" ? new Error("not today") : Number(n ?? 0) + 1);
});
afterEach(() => {
  bench.started.splice(0);
});

const js = (expr: string): { type: "javascript"; expr: string } => ({ type: "javascript", expr });
const loop = (id: string, list: string, modules: readonly unknown[], more: object = {}): object => ({
  id,
  value: { type: "forloopflow", iterator: js(list), skip_failures: false, modules, ...more },
});
type Modules = { modules: readonly unknown[] } & Record<string, unknown>;

async function deploy(path: string, value: Modules, letter = "0"): Promise<void> {
  await insertFlowVersion(bench.owner.pool, bench.workspace, {
    hash: Buffer.from(path).toString("hex").padEnd(64, letter).slice(0, 64),
    path,
    summary: "",
    document: JSON.stringify({ summary: "", value }),
    yaml: undefined,
    createdBy: "test",
  });
}

async function again(flow: JobId, request: RestartRequest): Promise<RunEnd & { readonly started: readonly string[]; readonly id: JobId }> {
  bench.started.splice(0);
  const view = await restarts.restart(caller, flow, request);
  const id = view.id as JobId;
  return { ...(await bench.ended(id)), started: [...bench.started], id };
}

async function testStep(request: StepTestRequest): Promise<RunEnd & { readonly started: readonly string[] }> {
  bench.started.splice(0);
  const { id } = await tests.test(caller, request);
  return { ...(await bench.ended(id as JobId)), started: [...bench.started] };
}

const waits = (flow: JobId): Promise<void> =>
  bench.until("it waits", async () => (await bench.owner.rows("SELECT 1 FROM flow_live WHERE id = $1 AND NOT awake AND due_at IS NULL", flow)).length === 1);

/** As if Bob had answered 1 to the step `ask`. */
async function approve(flow: JobId): Promise<void> {
  await bench.owner.rows(
    "INSERT INTO flow_approval (workspace_id, id, shard, place, approver, approved, payload) VALUES ($1, $2, $3, 'ask', 'Bob', true, '1')",
    bench.workspace,
    flow,
    bench.shard,
  );
  bench.owner.owner.lookForAnswers();
}

describe("a restart", () => {
  test("from a step of an iteration: what came before keeps its results, the rest runs; the run says where it comes from", async () => {
    const modules = [
      step("a"),
      loop("loop", "[10, 20, 30]", [step("b", { n: "flow_input.iter.value + results.a" }), step("c", { n: "results.b" })]),
      step("z", { n: "results.loop[0] + results.loop[2]" }),
    ];
    const flow = await bench.start({ modules });
    expect(await bench.ended(flow)).toMatchObject({ result: 47 });
    const restarted = await again(flow, { step: "loop/1/c" });
    expect([restarted.result, restarted.started]).toEqual([47, ["loop/1/c", "loop/2/b", "loop/2/c", "z"]]);
    const record = await readJob(bench.owner.pool, bench.workspace, restarted.id);
    expect(record === undefined ? undefined : presentJob("bench", record, undefined)).toMatchObject({
      created_by: "Ann",
      restarted_from: { job: flow, step: "loop/1/c" },
    });
    // A restart of that one refers to results of both.
    const third = await again(restarted.id, { step: "loop/2/c" });
    expect([third.result, third.started]).toEqual([47, ["loop/2/c", "z"]]);
  });

  test("in a branch, in a parallel loop, and in the loop of a sub-flow of a sub-flow", async () => {
    await deploy("f/bench/leaf", {
      modules: [step("x", { n: "flow_input.n" }), loop("inner", "[1, 2]", [step("y", { n: "flow_input.iter.value + results.x" })])],
    });
    await deploy("f/bench/middle", {
      modules: [step("m", { n: "flow_input.n" }), { id: "leaf", value: { type: "flow", path: "f/bench/leaf", input_transforms: { n: js("results.m") } } }],
    });
    const modules = [
      step("a"),
      { id: "choice", value: { type: "branchone", branches: [{ expr: "results.a === 1", modules: [step("p"), step("q", { n: "results.p" })] }], default: [] } },
      loop("par", "[1, 2, 3]", [step("s", { n: "flow_input.iter.value" })], { parallel: true }),
      { id: "sub", value: { type: "flow", path: "f/bench/middle", input_transforms: { n: js("results.a") } } },
      step("z", { n: "results.sub[1] + results.par[2] + results.choice" }),
    ];
    const flow = await bench.start({ modules });
    const first = await bench.ended(flow);
    expect(first.outcome).toBe("succeeded");
    expect(await again(flow, { step: "choice/0/q" })).toMatchObject({
      result: first.result,
      started: ["choice/0/q", ...["par/0/s", "par/1/s", "par/2/s"].map(() => expect.stringMatching(/^par/)), "m", "x", "inner/0/y", "inner/1/y", "z"],
    });
    expect(await again(flow, { step: "par/1/s" })).toMatchObject({ result: first.result, started: ["par/1/s", "m", "x", "inner/0/y", "inner/1/y", "z"] });
    const deep = await again(flow, { step: "sub/leaf/inner/1/y" });
    expect([deep.result, deep.started]).toEqual([first.result, ["inner/1/y", "z"]]);
    // And once more from the one that was restarted in the middle.
    const deeper = await again(deep.id, { step: "sub/leaf/inner/1/y" });
    expect([deeper.result, deeper.started]).toEqual([first.result, ["inner/1/y", "z"]]);
  });

  test("with other inputs, from the beginning and from a step; of an earlier version with the newest one, which mends the step that failed", async () => {
    const path = "f/bench/mended";
    await deploy(path, { modules: [step("a", { n: "flow_input.n" }), step("bad", { n: "results.a" })] });
    const { rows } = { rows: await bench.owner.rows<{ hash: string }>("SELECT hash FROM flow WHERE path = $1", path) };
    const flow = await bench.start({ modules: [] }, { n: 4 }, rows[0]?.hash);
    expect(await bench.ended(flow)).toMatchObject({ outcome: "failed" });
    expect(await again(flow, { args: { n: 1 } })).toMatchObject({ outcome: "failed", started: ["a", "bad"] });
    await deploy(
      path,
      {
        modules: [
          step("a", { n: "flow_input.n" }),
          step("bad", {}, { mock: { enabled: true, return_value: 5 } }),
          step("c", { n: "results.a * 100 + results.bad * 10 + flow_input.n" }),
        ],
      },
      "1",
    );
    const mended = await again(flow, { step: "bad", newest: true });
    expect([mended.outcome, mended.result, mended.started]).toEqual(["succeeded", 555, ["c"]]);
    const edited = await again(flow, { step: "bad", newest: true, args: { n: 7 } });
    expect([edited.result, edited.started]).toEqual([558, ["c"]]);
    expect(await readArgs(bench.owner.pool, bench.workspace, edited.id)).toBe('{"n":7}');
  });

  test("is refused while the run goes on, where it did not come to, and for what is not there", async () => {
    bench.script = (_, id) => (id === "bad" ? new Error("not today") : id === "wait" ? undefined : 1);
    const flow = await bench.start({ modules: [step("a"), step("wait"), step("bad"), step("c"), step("d")] });
    await bench.until("it waits", () => bench.bundles.has("wait"));
    await expect(restarts.restart(caller, flow, { step: "wait" })).rejects.toMatchObject({ code: "failed_precondition" });
    await bench.finish("wait", 1);
    await bench.ended(flow);
    await expect(restarts.restart(caller, flow, { step: "d" })).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("c has no result"),
    });
    await expect(restarts.restart(caller, flow, { step: "nowhere" })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(restarts.restart(caller, flow, { step: "a", newest: true })).rejects.toMatchObject({ code: "invalid_argument" });
    await bench.owner.rows(
      "DELETE FROM job_done WHERE id IN (SELECT (e->>'job')::uuid FROM flow_event, jsonb_array_elements(events::jsonb) e WHERE flow_event.id = $1 AND e->>'place' = 'a')",
      flow,
    );
    await expect(restarts.restart(caller, flow, { step: "bad" })).rejects.toMatchObject({
      message: expect.stringContaining("the result of a is not kept any more"),
    });
  });

  test("keeps the earlier run's results while it lives: its days are let go around them, and a new owner reads them", async () => {
    const modules = [
      step("a"),
      loop("loop", "[1, 2]", [step("b", { n: "flow_input.iter.value" })]),
      step("ask", {}, { suspend: { required_events: 1 } }),
      step("z", { n: "results.a + results.loop[1]" }),
    ];
    const flow = await bench.start({ modules });
    await waits(flow);
    await approve(flow);
    expect(await bench.ended(flow)).toMatchObject({ result: 5 });
    bench.started.splice(0);
    const { id } = await restarts.restart(caller, flow, { step: "ask" });
    const restarted = id as JobId;
    await waits(restarted);
    await bench.owner.restart();
    expect((await bench.owner.retain(40)).thinned).toBeGreaterThan(0);
    bench.owner.attach();
    await approve(restarted);
    expect(await bench.ended(restarted)).toEqual({ outcome: "succeeded", result: 5 });
    expect(bench.started).toEqual(["ask", "z"]);
  });

  test("behind a step that people have answered takes no other inputs", async () => {
    const flow = await bench.start({ modules: [step("ask", {}, { suspend: { required_events: 1 } }), step("z", { n: "resume" })] });
    await waits(flow);
    await approve(flow);
    await bench.ended(flow);
    await expect(restarts.restart(caller, flow, { step: "z", args: { n: 1 } })).rejects.toMatchObject({ code: "failed_precondition" });
    expect(await again(flow, { step: "z" })).toMatchObject({ outcome: "succeeded", result: 2, started: ["z"] });
  });
});

describe("a test of one step", () => {
  const document: Record<string, Json> = {
    summary: "",
    value: {
      flow_env: { base: 1000 },
      modules: [
        step("a") as Json,
        loop("loop", "[10, 20]", [
          step(
            "b",
            { n: "flow_input.iter.value + results.a + flow_env.base + iter.index" },
            { retry: { constant: { attempts: 3, seconds: 60 } }, skip_if: { expr: "true" } },
          ),
        ]) as Json,
        step("c", { n: "previous_result[1] + results.a" }, { suspend: { required_events: 1 } }) as Json,
      ],
    },
  };

  test("with inputs and results that are given: its work alone, without conditions, retries and approvals", async () => {
    expect(await testStep({ document, step: "b", args: { iter: { value: 5, index: 10 } }, results: { a: 2 } })).toEqual({
      outcome: "succeeded",
      result: 1018,
      started: ["b"],
    });
    expect(await testStep({ document, step: "c", results: { a: 2, loop: [1, 2] } })).toEqual({ outcome: "succeeded", result: 5, started: ["c"] });
    bench.script = () => new Error("broken");
    expect(await testStep({ document, step: "b", args: { iter: { value: 5 } }, results: { a: 2 } })).toMatchObject({ outcome: "failed", started: ["b"] });
    await expect(tests.test(caller, { document, step: "nowhere" })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("with the inputs and results of an earlier run, at any of its places; results that are given instead win", async () => {
    const modules = [
      { id: "m", mock: { enabled: true, return_value: [7] }, value: step("m")["value"] },
      step("a", { n: "flow_input.n" }),
      loop("loop", "[10, 20, 30]", [
        step("b", { n: "flow_input.iter.value" }),
        step("c", { n: "results.b + results.a + results.m[0] + flow_input.iter.index" }),
      ]),
      step("z", { n: "previous_result[2]" }),
    ];
    const flow = await bench.start({ modules }, { n: 100 });
    expect(await bench.ended(flow)).toMatchObject({ outcome: "succeeded" });
    expect(await testStep({ job: flow, step: "loop/2/c" })).toEqual({ outcome: "succeeded", result: 31 + 101 + 7 + 2 + 1, started: ["c"] });
    expect(await testStep({ job: flow, step: "loop/2/c", results: { b: 0 } })).toMatchObject({ result: 101 + 7 + 2 + 1 });
    expect(await testStep({ job: flow, step: "z" })).toMatchObject({ result: 31 + 101 + 7 + 2 + 1 + 1, started: ["z"] });
    expect(await testStep({ job: flow, step: "a", args: { n: 1 } })).toMatchObject({ result: 2 });
  });
});
