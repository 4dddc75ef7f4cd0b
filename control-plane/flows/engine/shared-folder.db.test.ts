import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { asToken, type JobId } from "../../../kernel/ids.ts";
import { FlowBench, FOLDER_LOST, step } from "./testing/flow-bench.ts";

let bench: FlowBench;

beforeAll(async () => {
  bench = await FlowBench.open();
}, 60_000);
afterAll(() => bench.close());
afterEach(() => {
  bench.started.splice(0);
  bench.owner.assigned.splice(0);
  bench.owner.told.splice(0);
  bench.script = () => null;
});

/** Of the bench's agent. */
const OWN_TAG = "$agent:1";

/** Of each step in the order of their starts: the tag on which its job waited, the one that the agent was told, and what it was told of the folder. */
async function folders(flow: JobId): Promise<unknown[]> {
  const rows = await bench.owner.rows<{ id: string; tag: string }>("SELECT id::text, tag FROM job WHERE policy::json->'flow'->>'id' = $1", flow);
  const tags = new Map(rows.map(({ id, tag }) => [id, tag]));
  return bench.owner.assigned.filter(({ jobId }) => tags.has(jobId)).map(({ jobId, tag, folder }) => [tags.get(jobId), tag, folder]);
}

const fresh = (runId: JobId): unknown[] => ["default", "default", { runId, create: true }];
const kept = (runId: JobId): unknown[] => [OWN_TAG, "default", { runId, create: false }];

test("the steps behind the first wait for its agent, under a new owner too, and the agent is told when the folder is not needed any more", async () => {
  bench.script = (_args, id) => (id === "b" ? undefined : 1);
  const flow = await bench.start({ same_worker: true, modules: [step("a"), step("b"), step("c")] });
  await bench.until("b runs", () => bench.bundles.has("b"));
  await bench.owner.restart();
  bench.owner.attach();
  await bench.finish("b", 2);
  expect(await bench.ended(flow)).toMatchObject({ outcome: "succeeded" });
  expect(await folders(flow)).toEqual([fresh(flow), kept(flow), kept(flow)]);
  expect(bench.owner.told).toMatchObject([{ id: flow, fenced: true }]);
  // Nothing of it is said in flows whose steps share nothing.
  const plain = await bench.start({ modules: [step("a")] });
  await bench.ended(plain);
  expect(await folders(plain)).toEqual([["default", "default", undefined]]);
  expect((await bench.events(plain)).find(({ kind }) => kind === "ended")).not.toHaveProperty("agent");
});

test("behind a sleep there is a new folder, and none while it lasts; an identity needs none", async () => {
  bench.script = (_args, id) => id;
  // Also when the first step is all that was done in it.
  const modules = [
    { id: "i", value: { type: "identity" } },
    step("a", {}, { sleep: { type: "static", value: 1 } }),
    step("b"),
    { id: "loop", value: { type: "forloopflow", parallel: true, iterator: { type: "static", value: [1, 2] }, modules: [step("in")] } },
  ];
  const flow = await bench.start({ same_worker: true, modules });
  await bench.until("it sleeps", () => bench.owner.told.length === 1);
  expect(bench.started).toEqual(["a"]);
  await bench.ended(flow);
  expect(await folders(flow)).toEqual([fresh(flow), fresh(flow), kept(flow), kept(flow)]);
  expect(bench.started).toEqual(["a", "b", "loop/0/in", "loop/1/in"]);
});

test("a step whose folder is lost fails without another attempt, and the failure module runs with a new one", async () => {
  const lost = Object.assign(new Error("it is gone"), { name: FOLDER_LOST });
  bench.script = (_args, id) => (id === "b" ? lost : id);
  const retry = { constant: { attempts: 3, seconds: 0 } };
  const value = { same_worker: true, modules: [step("a"), step("b", {}, { retry })], failure_module: { ...step("failure"), id: "failure" } };
  const flow = await bench.start(value);
  expect(await bench.ended(flow)).toEqual({ outcome: "failed", result: "failure" });
  expect(bench.started).toEqual(["a", "b", "failure"]);
  expect((await folders(flow)).at(-1)).toEqual(fresh(flow));
});

test("an agent that keeps folders is told which runs have ended", async () => {
  bench.script = (_args, id) => (id === "b" ? undefined : id);
  const ended = await bench.start({ same_worker: true, modules: [step("a")] });
  await bench.ended(ended);
  const flow = await bench.start({ same_worker: true, modules: [step("b")] });
  await bench.until("b runs", () => bench.bundles.has("b"));
  const [first] = bench.owner.assigned;
  const token = asToken(first?.token ?? "");
  bench.owner.told.splice(0);
  bench.owner.keeps(
    new Map([
      [ended, token],
      [flow, token],
    ]),
  );
  expect(bench.owner.told.map(({ id, fenced }) => [id, fenced])).toEqual([[ended, true]]);
  await bench.finish("b", 1);
  await bench.ended(flow);
});

test("a step whose agent has gone for good ends, and its flow with it", async () => {
  bench.script = (_args, id) => (id === "a" ? undefined : id);
  const flow = await bench.start({ same_worker: true, modules: [step("a"), step("b")] });
  await bench.until("a runs", () => bench.bundles.has("a"));
  bench.owner.attach(0);
  await bench.finish("a", 1);
  const waiting = async (): Promise<boolean> => (await bench.owner.rows("SELECT 1 FROM job_pending WHERE tag = $1", OWN_TAG)).length === 1;
  await bench.until("b waits for its agent", waiting);
  bench.owner.detach();
  bench.owner.stillAtMs = performance.now() + 59_000;
  bench.owner.owner.tick();
  expect(await waiting()).toBe(true);
  bench.owner.stillAtMs += 2000;
  bench.owner.owner.tick();
  const { outcome, result } = await bench.ended(flow);
  expect([outcome, result]).toMatchObject(["failed", { error: { name: FOLDER_LOST, step_id: "b" } }]);
  bench.owner.stillAtMs = undefined;
  bench.owner.attach();
});
