import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { JobId } from "../../../kernel/ids.ts";
import { DAY_MS, makePartitions } from "../../housekeeping/partition-store.ts";
import { insertFlowVersion } from "../flow-store.ts";
import { FlowBench, step } from "./testing/flow-bench.ts";

let bench: FlowBench;

beforeAll(async () => {
  bench = await FlowBench.open();
}, 60_000);
afterAll(() => bench.close());
afterEach(() => {
  bench.started.splice(0);
  bench.script = () => null;
  bench.owner.strikes = () => false;
});

test("two steps run one after the other; the second gets the result of the first, and each transition is one row of events", async () => {
  bench.script = ({ n }, id) => (id === "a" ? { sum: Number(n) + 1 } : [n ?? null]);
  const flow = await bench.start({ modules: [step("a", { n: "flow_input.n" }), step("b", { n: "results.a.sum" })] }, { n: 41 });
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: [42] });
  expect(bench.started).toEqual(["a", "b"]);
  expect((await bench.events(flow)).map(({ kind }) => kind)).toEqual(["flow_started", "started", "ended", "started", "ended"]);
  const rows = await bench.owner.rows<{ seq: number }>("SELECT seq FROM flow_event WHERE id = $1 ORDER BY seq", flow);
  expect(rows.map(({ seq }) => seq)).toEqual([2, 4, 5]);
  expect(await bench.owner.rows("SELECT 1 FROM flow_live")).toEqual([]);
});

const js = (expr: string): { type: "javascript"; expr: string } => ({ type: "javascript", expr });
const kinds = async (flow: Awaited<ReturnType<FlowBench["start"]>>): Promise<string[]> => (await bench.events(flow)).map(({ kind }) => kind);

test("a run begins in the commit that accepts it, and there is one more for each step that ends", async () => {
  const flushed: string[][] = [];
  bench.owner.strikes = (when, operations) => {
    if (when === "before") flushed.push(operations.map((operation) => (operation.kind === "flow" ? operation.change.kind : operation.kind)));
    return false;
  };
  await bench.run({ modules: [step("a"), step("b")] });
  expect(flushed).toEqual([
    ["insert", "insert", "flow_event"],
    ["finish", "insert", "flow_event"],
    ["finish", "finish", "flow_event"],
  ]);
});

test("a run that ends at once is accepted before it ends; so is one whose first step the database refuses, which fails", async () => {
  const identity = { id: "i", value: { type: "identity", input_transforms: { x: js("flow_input.n") } } };
  expect(await bench.run({ modules: [identity] }, { n: 3 })).toEqual({ outcome: "succeeded", result: { x: 3 } });
  const flow = await bench.start({ modules: [{ id: "a", value: { type: "rawscript", language: "bash", content: "\u0000", input_transforms: {} } }] });
  expect(await bench.ended(flow)).toMatchObject({ outcome: "failed", result: { error: { message: expect.stringContaining("could not be stored") } } });
  expect(await bench.events(flow)).toEqual([]);
});

test("a run that is cancelled while it is being accepted ends, with the step that came along", async () => {
  bench.script = () => undefined;
  let outcome: Promise<unknown> = Promise.resolve();
  bench.owner.strikes = (when, operations) => {
    const [job] = operations.flatMap((operation) => (operation.kind === "insert" && operation.payload.kind === "flow" ? [operation.job] : []));
    if (when === "before" && job !== undefined) outcome = bench.owner.owner.cancel(job, "not at all (cancelled by Ann)");
    return false;
  };
  const flow = await bench.start({ modules: [step("a"), step("b")] });
  expect(await outcome).toBe("cancelling");
  await bench.until("the agent was told", () => bench.owner.told.length >= 1);
  bench.owner.told.splice(0);
  await bench.finish("a", new Error("terminated"));
  expect(await bench.ended(flow)).toMatchObject({ outcome: "cancelled", result: { error: { reason: "not at all", canceler: "Ann" } } });
  expect(bench.started).toEqual(["a"]);
});

test("a large fan-out begins with few, so that the first of them need not wait for the others to be made", async () => {
  bench.script = ({ n }) => n ?? null;
  const loop = {
    id: "loop",
    value: { type: "forloopflow", iterator: js("flow_input.list"), parallel: true, modules: [step("b", { n: "flow_input.iter.value" })] },
  };
  const list = Array.from({ length: 200 }, (_, n) => n);
  const flow = await bench.start({ modules: [loop] }, { list });
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: list });
  const rows = await bench.owner.rows<{ events: string }>("SELECT events FROM flow_event WHERE id = $1 ORDER BY seq", flow);
  const begun = rows.map(({ events }) => events.split('"kind":"started"').length - 1);
  expect([begun[0], begun.reduce((sum, count) => sum + count, 0)]).toEqual([16, 200]);
  expect(begun[1]).toBeGreaterThan(16);
  expect(Math.max(...begun)).toBeLessThanOrEqual(64);
});

test("a parallel loop runs its items in windows of the bound, and its result is in their order", async () => {
  let [most, now] = [0, 0];
  bench.script = ({ n }) => {
    most = Math.max(most, ++now);
    now -= 1;
    return Number(n) * 2;
  };
  const loop = {
    id: "loop",
    value: { type: "forloopflow", iterator: js("[...Array(40).keys()]"), parallel: true, parallelism: 3, modules: [step("b", { n: "flow_input.iter.value" })] },
  };
  const { outcome, result } = await bench.run({ modules: [loop] });
  expect([outcome, result]).toEqual(["succeeded", Array.from({ length: 40 }, (_, n) => n * 2)]);
  expect(bench.started.length).toBe(40);
  expect(most).toBeLessThanOrEqual(3);
});

test("branches, an identity, a mock and a sub-expression in a worker: everything that needs no job is decided in between", async () => {
  bench.script = ({ x }) => x ?? null;
  const modules = [
    { id: "m", mock: { enabled: true, return_value: [1, 2] }, value: step("m")["value"] },
    {
      id: "i",
      value: { type: "identity", input_transforms: { y: js("results.m.map((n) => { let s = 0; for (let i = 0; i <= n; i++) s += i; return s; })") } },
    },
    {
      id: "choice",
      value: {
        type: "branchone",
        branches: [
          { expr: "results.i.y[0] === 7", modules: [step("no")] },
          { expr: "results.i.y[1] === 3", modules: [step("yes", { x: "results.i.y" })] },
        ],
        default: [],
      },
    },
    {
      id: "all",
      value: { type: "branchall", parallel: true, branches: [{ modules: [step("p", { x: "1" })] }, { modules: [step("q", { x: "results.choice" })] }] },
    },
  ];
  expect(await bench.run({ modules })).toEqual({ outcome: "succeeded", result: [1, [1, 3]] });
  expect(bench.started.toSorted()).toEqual(["all/0/p", "all/1/q", "choice/1/yes"]);
});

test("a value that is handed on as a whole keeps every digit; large ones pass through an identity", async () => {
  bench.script = ({ big, text }, id) => (id === "b" ? { big: big ?? null, length: String(text).length } : "x".repeat(5000));
  const modules = [
    step("a"),
    { id: "i", value: { type: "identity", input_transforms: { text: js("results.a") } } },
    step("b", { text: "results.i.text", big: "results.a.length" }),
  ];
  expect(await bench.run({ modules })).toEqual({ outcome: "succeeded", result: { big: 5000, length: 5000 } });
});

test("a step that fails is tried again after its delay, holding no slot; then the failure module runs, and the flow has failed", async () => {
  bench.script = ({ e }, id) => (id === "failure" ? { seen: e ?? null } : new Error("not today"));
  // Both names of it: `error` as the failure module sees it, `result` as the step's result would be.
  const retry_if = { expr: "error.message === 'not today' && error.step_id === 'a' && result.error.name === error.name" };
  const retry = { constant: { attempts: 2, seconds: 1 }, retry_if };
  const flow = await bench.start({ modules: [step("a", {}, { retry })], failure_module: step("failure", { e: "error" }) });
  const { outcome, result } = await bench.ended(flow);
  expect([outcome, result]).toEqual(["failed", { seen: { name: "Error", message: "not today", step_id: "a" } }]);
  expect(await bench.owner.rows("SELECT exit_message FROM job_done WHERE id = $1", flow)).toEqual([{ exit_message: "step a failed" }]);
  expect(bench.started).toEqual(["a", "a", "a", "failure"]);
  expect((await kinds(flow)).filter((kind) => kind === "woke").length).toBe(2);
});

test("an error without a failure module is the result, with the step's id; one in an expression names the argument", async () => {
  bench.script = () => new Error("broken");
  expect(await bench.run({ modules: [step("a")] })).toEqual({ outcome: "failed", result: { error: { name: "Error", message: "broken", step_id: "a" } } });
  const wrong = await bench.run({ modules: [step("a", { n: "flow_input.x.y" })] });
  expect(wrong).toMatchObject({
    outcome: "failed",
    result: { error: { name: "ExpressionError", step_id: "a", message: expect.stringContaining("argument n") } },
  });
});

test("a sleep holds no slot, and outlives the owner", async () => {
  bench.script = () => 7;
  const flow = await bench.start({ modules: [step("a", {}, { sleep: { type: "static", value: 2 } }), step("b")] });
  await bench.until("it sleeps", async () => (await bench.owner.rows("SELECT 1 FROM flow_live WHERE id = $1 AND NOT awake", flow)).length === 1);
  expect(await bench.owner.rows("SELECT 1 FROM job_running WHERE language <> 'flow'")).toEqual([]);
  await bench.owner.restart();
  bench.owner.attach();
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: 7 });
  expect(bench.started).toEqual(["a", "b"]);
  expect(await bench.owner.rows("SELECT 1 FROM flow_live")).toEqual([]);
});

test("a cancel ends the jobs of all branches, then the flow", async () => {
  bench.script = () => undefined;
  const flow = await bench.start({
    modules: [{ id: "all", value: { type: "branchall", parallel: true, branches: [{ modules: [step("p")] }, { modules: [step("q")] }] } }],
  });
  await bench.until("both run", () => bench.bundles.size === 2);
  await bench.owner.owner.cancel({ id: flow, workspace: bench.workspace, shard: bench.shard }, "enough (cancelled by Ann)");
  await bench.until("the agent was told", () => bench.owner.told.length >= 2);
  bench.owner.told.splice(0);
  for (const place of ["all/0/p", "all/1/q"]) await bench.finish(place, new Error("terminated"));
  expect(await bench.ended(flow)).toMatchObject({ outcome: "cancelled", result: { error: { name: "Canceled", reason: "enough", canceler: "Ann" } } });
});

/** Of the run below, all but the last transitions. */
const MOST_EVENTS = 20;

test("the same run goes on when its owner dies at any moment: nothing that succeeded runs twice", async () => {
  const loop = {
    id: "loop",
    value: {
      type: "forloopflow",
      iterator: js("[1, 2, 3, 4]"),
      parallel: true,
      parallelism: 2,
      modules: [step("b", { n: "flow_input.iter.value" }), step("c", { n: "results.b" })],
    },
  };
  bench.script = ({ n }) => Number(n ?? 0) + 1;
  const flow = await bench.start({ modules: [step("a"), loop, step("z", { n: "results.loop[3]" })] });
  for (let seen = 0, times = 0; times < 6; times++) {
    await bench.until("it has gone on", async () => (await bench.events(flow)).length > seen);
    seen = (await bench.events(flow)).length;
    if (seen >= MOST_EVENTS) break;
    await bench.owner.restart();
    bench.owner.attach();
  }
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: 7 });
  const ended = (await bench.events(flow)).flatMap((event) => (event.kind === "ended" ? [event] : []));
  const done = await bench.owner.rows<{ id: string }>("SELECT id::text FROM job_done WHERE outcome = 0 AND id <> $1 AND id = ANY($2::uuid[])", flow, [
    ...new Set(ended.map(({ job }) => job)),
  ]);
  expect([ended.length, new Set(ended.map(({ place }) => place)).size, done.length]).toEqual([10, 10, 10]);
});

test("an approval waits for 30 days, through restarts and while its day is let go; then the flow goes on in less than a second", async () => {
  bench.script = ({ n }, id) => (id === "first" ? { kept: [1, 2, 3] } : (n ?? null));
  const suspend = { required_events: 1, timeout: 40 * 24 * 3600 };
  const flow = await bench.start({ modules: [step("first"), step("ask", {}, { suspend }), step("then", { n: "[results.first.kept, resume]" })] });
  await bench.until("it waits", async () => (await bench.owner.rows("SELECT 1 FROM flow_live WHERE id = $1 AND NOT awake", flow)).length === 1);
  // Thirty days go by, with a restart on the way.
  const daysLater = async (days: number): Promise<void> => {
    bench.owner.shiftMs = days * DAY_MS;
    await makePartitions(bench.owner.pool, Date.now() + days * DAY_MS);
  };
  await bench.owner.restart(() => daysLater(30));
  const outcome = await bench.owner.retain(40);
  expect(outcome).toMatchObject({ held: 0 });
  expect(outcome.thinned).toBeGreaterThan(0);
  expect(await bench.owner.rows("SELECT 1 FROM job_done WHERE id <> $1", flow)).toHaveLength(2);
  await bench.owner.restart();
  bench.owner.attach();
  const plainMs = performance.now();
  await bench.ended(await bench.start({ modules: [step("first")] }));
  const begunMs = performance.now();
  await bench.owner.rows(
    "INSERT INTO flow_approval (workspace_id, id, shard, place, approver, approved, payload) VALUES ($1, $2, $3, 'ask', 'Ann', true, '5')",
    bench.workspace,
    flow,
    bench.shard,
  );
  bench.owner.owner.lookForAnswers();
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: [[1, 2, 3], 5] });
  // Or not much longer than flows take here now, where the machine is busy.
  expect(performance.now() - begunMs).toBeLessThan(Math.max(1000, 5 * (begunMs - plainMs)));
  bench.owner.shiftMs = 0;
});

test("cache_ttl: a step with the same code and arguments has the result of the one before without a job, however large, until the time is over", async () => {
  const text = "x".repeat(5000);
  bench.script = ({ n }) => (n === 1 ? text : (n ?? null));
  const loop = {
    id: "loop",
    value: { type: "forloopflow", iterator: js("[1, 2, 2, 2]"), parallel: true, modules: [step("b", { n: "flow_input.iter.value" }, { cache_ttl: 60 })] },
  };
  const first = await bench.run({ modules: [loop] });
  expect(first).toEqual({ outcome: "succeeded", result: [text, 2, 2, 2] });
  bench.started.splice(0);
  // Elsewhere in another flow.
  const flow = await bench.start({ modules: [step("b", { n: "1" }, { cache_ttl: 60 }), step("c", { n: "results.b.length" })] });
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: 5000 });
  expect(bench.started).toEqual(["c"]);
  expect(await kinds(flow)).toEqual(["flow_started", "cached", "started", "ended"]);
  await bench.owner.rows("UPDATE flow_cache SET expires_at = now()");
  await bench.run({ modules: [step("b", { n: "2" }, { cache_ttl: 60 })] });
  expect(bench.started).toEqual(["c", "b"]);
  bench.script = () => new Error("no");
  await bench.run({ modules: [step("fails", {}, { cache_ttl: 60 })] });
  await bench.run({ modules: [step("fails", {}, { cache_ttl: 60 })] });
  expect(bench.started.slice(2)).toEqual(["fails", "fails"]);
});

test("cache_ttl of a flow: a run with the same inputs ends with the result of the one before; with others it runs", async () => {
  bench.script = ({ n }) => Number(n) * 2;
  const value = { modules: [step("a", { n: "flow_input.n" })], cache_ttl: 60 };
  expect(await bench.run(value, { n: 4 })).toEqual({ outcome: "succeeded", result: 8 });
  const again = await bench.start(value, { n: 4 });
  expect(await bench.ended(again)).toEqual({ outcome: "succeeded", result: 8 });
  expect(await kinds(again)).toEqual(["flow_started", "recalled"]);
  expect(await bench.run(value, { n: 5 })).toEqual({ outcome: "succeeded", result: 10 });
  expect(bench.started).toEqual(["a", "a"]);
});

test("delete_after_use: when the run has ended the step's result, arguments and output are gone, also if its owner died before it did that", async () => {
  bench.script = ({ n }) => [n ?? "secret"];
  const modules = [step("a", {}, { delete_after_use: true }), step("b", { n: "results.a[0]" })];
  const left = async (flow: JobId): Promise<unknown[]> =>
    bench.owner.rows(
      `SELECT d.result, j.args FROM flow_event e, jsonb_array_elements(e.events::jsonb) s JOIN job j ON j.id = (s->>'job')::uuid JOIN job_done d ON d.id = j.id
       WHERE e.id = $1 AND s->>'kind' = 'started' ORDER BY j.id`,
      flow,
    );
  const gone = async (flow: JobId): Promise<boolean> => (await bench.owner.rows("SELECT 1 FROM flow_used WHERE id = $1", flow)).length === 0;
  const flow = await bench.start({ modules });
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: ["secret"] });
  await bench.until("it is gone", () => gone(flow));
  expect(await left(flow)).toEqual([
    { result: null, args: "{}" },
    { result: '["secret"]', args: '{"n":"secret"}' },
  ]);
  let died = false;
  bench.owner.strikes = (when, operations) => {
    if (died || when === "before" || !operations.some((operation) => operation.kind === "flow" && operation.change.kind === "flow_used")) return false;
    died = true;
    return true;
  };
  const other = await bench.start({ modules });
  await bench.ended(other);
  expect([died, await gone(other)]).toEqual([true, false]);
  await bench.owner.revive();
  bench.owner.attach();
  await bench.until("it is gone", () => gone(other));
  expect((await left(other))[0]).toEqual({ result: null, args: "{}" });
});

test("a result that the database refuses fails its step alone: others that ended in the same moment are stored", async () => {
  bench.script = ({ n }) => (n === 3 ? "\u0000" : (n ?? null));
  const loop = {
    id: "loop",
    value: {
      type: "forloopflow",
      iterator: js("[1, 2, 3, 4, 5, 6]"),
      parallel: true,
      skip_failures: true,
      modules: [step("b", { n: "flow_input.iter.value" })],
    },
  };
  bench.raw = (text) => text.replaceAll("\\u0000", "\u0000");
  const { outcome, result } = await bench.run({ modules: [loop] });
  bench.raw = (text) => text;
  expect(outcome).toBe("succeeded");
  expect(result).toEqual([1, 2, { error: expect.objectContaining({ name: "ResultInvalid" }) }, 4, 5, 6]);
});

test("a sub-flow ends in the transaction in which its caller goes on; flows that run themselves without end are stopped", async () => {
  const inner = { summary: "", value: { modules: [step("x", { n: "flow_input.n" })] } };
  const own = { summary: "", value: { modules: [{ id: "again", value: { type: "flow", path: "f/bench/own", input_transforms: {} } }] } };
  for (const [path, document] of [
    ["f/bench/inner", inner],
    ["f/bench/own", own],
  ] as const)
    await insertFlowVersion(bench.owner.pool, bench.workspace, {
      hash: path.padEnd(64, "0"),
      path,
      summary: "",
      document: JSON.stringify(document),
      yaml: undefined,
      createdBy: "test",
    });
  bench.script = ({ n }) => Number(n) + 1;
  const call = { id: "call", value: { type: "flow", path: "f/bench/inner", input_transforms: { n: js("41") } } };
  const flow = await bench.start({ modules: [call, step("after", { n: "results.call" })] });
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: 43 });
  expect(await kinds(flow)).toEqual(["flow_started", "started", "ended", "started", "ended"]);
  const deep = await bench.run({ modules: [{ id: "again", value: { type: "flow", path: "f/bench/own", input_transforms: {} } }] });
  expect(deep).toMatchObject({ outcome: "failed", result: { error: { message: expect.stringContaining("nested more than 20 deep") } } });
});

test("a large value that many steps get at once is written in several transitions", async () => {
  const big = "x".repeat(500_000);
  bench.script = (args, id) => (id === "big" ? big : String(args["big"]).length);
  const loop = {
    id: "loop",
    value: { type: "forloopflow", iterator: js("[...Array(30).keys()]"), parallel: true, modules: [step("b", { big: "results.big" })] },
  };
  const flow = await bench.start({ modules: [step("big"), loop] });
  const { outcome, result } = await bench.ended(flow);
  expect([outcome, result]).toEqual(["succeeded", Array(30).fill(500_000)]);
  const rows = await bench.owner.rows<{ events: string }>("SELECT events FROM flow_event WHERE id = $1 ORDER BY seq", flow);
  const begun = rows.map(({ events }) => events.split('"kind":"started"').length - 1);
  expect(begun.reduce((sum, count) => sum + count, 0)).toBe(31);
  // Of 500 KB each: as many as are no more than 4 MB, and the one that goes beyond.
  expect(Math.max(...begun)).toBeLessThanOrEqual(9);
}, 30_000);

test("a run whose list is gone from the tables fails, instead of being tried for ever", async () => {
  bench.script = () => undefined;
  const loop = { id: "loop", value: { type: "forloopflow", iterator: js("['a', 'b']"), modules: [step("b", { n: "flow_input.iter.value" })] } };
  const flow = await bench.start({ modules: [loop] });
  await bench.until("the first item runs", () => bench.bundles.has("loop/0/b"));
  await bench.owner.restart();
  bench.owner.attach();
  await bench.owner.rows("DELETE FROM flow_item WHERE id = $1", flow);
  await bench.finish("loop/0/b", 1);
  expect(await bench.ended(flow)).toMatchObject({ outcome: "failed", result: { error: { message: expect.stringContaining("is not in the database") } } });
});

test("the step of a loop that is tried alone sees what its inputs say of `iter`", async () => {
  bench.script = ({ n }) => n ?? null;
  expect(await bench.run({ modules: [step("a", { n: "iter.value + flow_input.iter.index" })] }, { iter: { index: 1, value: 7 } })).toMatchObject({ result: 8 });
});
