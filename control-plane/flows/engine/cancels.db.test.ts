/** Runs that end early while very much of them is under way: all of it ends, others have their turns meanwhile, and no crash leaves anything running. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { JobId } from "../../../kernel/ids.ts";
import { longestTurnMs } from "../../../kernel/processor-time.fixture.ts";
import { FlowBench, step } from "./testing/flow-bench.ts";

let bench: FlowBench;
beforeAll(async () => {
  bench = await FlowBench.open();
}, 60_000);
afterAll(() => bench.close());
afterEach(() => {
  bench.script = () => null;
  bench.owner.strikes = () => false;
});

/** Steps side by side, 256 times so many. */
const manySteps = (each: number): Record<string, unknown> => ({
  id: "loop",
  value: {
    type: "forloopflow",
    iterator: { type: "javascript", expr: "[...Array(256).keys()]" },
    parallel: true,
    modules: [{ id: "all", value: { type: "branchall", parallel: true, branches: Array.from({ length: each }, (_, at) => ({ modules: [step(`s${at}`)] })) } }],
  },
});

const left = async (): Promise<number> => {
  const [row] = await bench.owner.rows<{ count: number }>("SELECT (SELECT count(*) FROM job_pending)::int + (SELECT count(*) FROM job_running)::int AS count");
  return row?.count ?? 0;
};

/** Starts a run of so many steps that do not end by themselves. @returns when all of them are there */
async function startMany(each: number): Promise<JobId> {
  bench.bundles.clear();
  bench.script = (_args, id) => (id === "other" ? 1 : undefined);
  const flow = await bench.start({ modules: [manySteps(each)] });
  await bench.until("all steps are there", async () => (await left()) === 256 * each + 1);
  return flow;
}

const cancel = (flow: JobId): Promise<unknown> => bench.owner.owner.cancel({ id: flow, workspace: bench.workspace, shard: bench.shard }, "enough");

test("the cancel of a run with thousands of steps under way does not hold up other flows", async () => {
  const flow = await startMany(8);
  const ms = await longestTurnMs(async () => {
    await cancel(flow);
    // The agent has ten of them and does not end them itself: their owner does, and then there is room for others.
    expect(await bench.run({ modules: [step("other")] })).toMatchObject({ outcome: "succeeded" });
    expect(await bench.ended(flow)).toMatchObject({ outcome: "cancelled" });
  });
  expect(await left()).toBe(0);
  expect(ms).toBeLessThan(100);
}, 60_000);

test("when the owner dies in the middle of a cancel the next one goes on with it, and no step is left", async () => {
  const flow = await startMany(4);
  let gone = 0;
  let revived = Promise.resolve();
  bench.owner.strikes = (when, operations) => {
    if (when === "before" || bench.owner.hasDied) return false;
    gone += operations.filter(({ kind }) => kind === "cancel").length;
    if (gone < 300) return false;
    bench.owner.strikes = () => false;
    revived = bench.owner.revive().then(() => void bench.owner.attach());
    return true;
  };
  // Its answer may never come: whoever asked is gone as well.
  void cancel(flow).catch(() => undefined);
  expect(await bench.ended(flow)).toMatchObject({ outcome: "cancelled" });
  await revived;
  expect(gone).toBeGreaterThanOrEqual(300);
  expect(gone).toBeLessThan(1024);
  expect(await left()).toBe(0);
}, 60_000);

test("a run that cannot go on ends when its steps have been cancelled, also where its state was thrown away", async () => {
  await bench.owner.rows(`CREATE FUNCTION refuse_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.events LIKE '%"kind":"ended","place":"both/1/b"%' THEN RAISE EXCEPTION 'not that' USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$`);
  await bench.owner.rows("CREATE TRIGGER refuse_it BEFORE INSERT ON flow_event FOR EACH ROW EXECUTE FUNCTION refuse_it()");
  bench.script = () => undefined;
  const both = { id: "both", value: { type: "branchall", parallel: true, branches: [{ modules: [step("a")] }, { modules: [step("b")] }] } };
  const flow = await bench.start({ modules: [both] });
  await bench.until("a runs", () => bench.bundles.has("both/0/a"));
  const a = bench.bundles.get("both/0/a")?.jobId;
  await bench.finish("both/1/b", 1);
  expect(await bench.ended(flow)).toMatchObject({ outcome: "failed", result: { error: { message: expect.stringContaining("could not be stored") } } });
  expect(bench.owner.told).toContainEqual(expect.objectContaining({ id: a, reason: "the flow has ended" }));
  await bench.owner.rows("DROP TRIGGER refuse_it ON flow_event");
  await bench.until("nothing is left", async () => (await left()) === 0);
});

test("steps that are claimed while their run is being cancelled are not taken for some that have ended: the run ends after them", async () => {
  await bench.owner.rows("CREATE SEQUENCE slept");
  await bench.owner.rows(`CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.events LIKE '%"outcome":"cancelled"%' AND nextval('slept') = 1 THEN PERFORM pg_sleep(1.5); END IF; RETURN NEW; END $$`);
  await bench.owner.rows("CREATE TRIGGER take_long BEFORE INSERT ON flow_event FOR EACH ROW EXECUTE FUNCTION take_long()");
  // More than their owner keeps in memory.
  const flow = await startMany(1);
  await bench.until("the agent has what it can take", () => bench.bundles.size === 10);
  await cancel(flow);
  const asleep = async (): Promise<boolean> => (await bench.owner.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length > 0;
  await bench.until("the ends of some are being written", asleep);
  // There is room for those whose end is not written yet.
  for (const place of [...bench.bundles.keys()]) void bench.finish(place, 1);
  expect(await bench.ended(flow)).toMatchObject({ outcome: "cancelled" });
  expect(await left()).toBe(0);
  await bench.owner.rows("DROP TRIGGER take_long ON flow_event");
}, 60_000);
