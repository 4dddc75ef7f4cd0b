import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { asJobId } from "../../kernel/ids.ts";
import { shardOf } from "../jobs/model.ts";
import { WORKSPACE } from "../scheduler/testing/owner-bench.ts";
import type { PutSchedule } from "./contract.ts";
import { MAX_WAITING } from "./overlap-core.ts";
import type { Replica } from "./testing/replica.ts";
import { SCRIPT, ScheduleBench } from "./testing/schedule-bench.ts";

const MINUTE_MS = 60_000;
/** So long before its moment a tick is recorded here. */
const AHEAD_MS = 200;
let bench: ScheduleBench;
beforeAll(async () => {
  bench = await ScheduleBench.open();
});
afterAll(() => bench.close());
beforeEach(() => bench.forgetAll());

const EVERY_MINUTE: PutSchedule = { cron: "* * * * *", script: SCRIPT, args: { n: "1" } };
const put = (path: string, definition: Partial<PutSchedule> = {}) => bench.schedules.put(WORKSPACE, path, { ...EVERY_MINUTE, ...definition }, "test");
const runsOf = (path: string) => bench.schedules.runs(WORKSPACE, path, undefined, 100);
const cancel = (id: string) => bench.owner.owner.cancel({ id: asJobId(id), workspace: WORKSPACE, shard: shardOf(WORKSPACE) }, "test");
const fire = async ({ ticker }: Replica): Promise<void> => {
  await ticker.fire();
  await ticker.settled();
};
const passMinutes = (count: number): void => {
  bench.clock.wallMs += count * MINUTE_MS;
};

test("a tick that soon comes is recorded and its job made; at its moment that is accepted, and nothing is read", async () => {
  for (const overlap of ["parallel", "skip", "queue"] as const) await put(`f/s/${overlap}`, { overlap });
  const calls: string[] = [];
  const replica = bench.replica((name) => {
    calls.push(name);
    return "go on";
  });
  passMinutes(1 - AHEAD_MS / MINUTE_MS);
  await bench.tick(replica);
  expect(calls).toEqual(["due", "claim", "make"]);
  expect((await runsOf("f/s/skip")).map(({ state }) => state)).toEqual(["starting"]);
  expect(await bench.started("f/s/skip")).toEqual([]);
  await replica.sweeper.sweep();
  calls.length = 0;
  bench.clock.wallMs += AHEAD_MS - 1;
  await fire(replica);
  expect(calls).toEqual([]);
  bench.clock.wallMs += 1;
  await fire(replica);
  expect(calls.filter((name) => name !== "ends" && name !== "onEnd")).toEqual(["start", "record"]);
  for (const overlap of ["parallel", "skip", "queue"]) expect(await bench.started(`f/s/${overlap}`)).toHaveLength(1);
});

test("it is in the way of what comes after it, and what the run before does counts at its moment", async () => {
  await put("f/s/freed");
  await put("f/s/busy");
  const replica = bench.replica();
  passMinutes(1);
  await bench.tick(replica);
  passMinutes(1 - AHEAD_MS / MINUTE_MS);
  await bench.tick(replica);
  const [running] = await bench.started("f/s/freed");
  await cancel(running ?? "");
  bench.clock.wallMs += AHEAD_MS;
  await fire(replica);
  expect((await runsOf("f/s/freed")).map(({ state }) => state)).toEqual(["started", "started"]);
  expect((await runsOf("f/s/busy")).map(({ state }) => state)).toEqual(["skipped", "started"]);
});

test.each([
  [1, "waiting"],
  [MAX_WAITING, "skipped"],
])("behind %i that wait it is %s, and the first of them begins if the run before ended while it was held", async (line, becomes) => {
  const path = `f/s/behind_${line}`;
  await put(path, { overlap: "queue" });
  const replica = bench.replica();
  for (let tick = 0; tick < 2; tick++) {
    passMinutes(1);
    await bench.tick(replica);
  }
  passMinutes(1 - AHEAD_MS / MINUTE_MS);
  await bench.tick(replica);
  await bench.owner.pool.query(
    `INSERT INTO schedule_run (workspace_id, schedule_id, due_at, state, todo)
     SELECT workspace_id, schedule_id, due_at + make_interval(secs => n / 1000.0), 'waiting', 'wait' FROM schedule_run, generate_series(1, $1) AS n WHERE todo = 'wait'`,
    [line - 1],
  );
  const [running] = await bench.started(path);
  await cancel(running ?? "");
  await replica.sweeper.sweep();
  expect((await runsOf(path))[0]?.state).toBe("starting");
  expect(await bench.started(path)).toHaveLength(1);
  bench.clock.wallMs += AHEAD_MS;
  await fire(replica);
  expect((await runsOf(path))[0]?.state).toBe(becomes);
  expect(await bench.started(path)).toHaveLength(2);
});

test("it is settled: what is changed after that counts for the next one, and no second run comes of it", async () => {
  await put("f/s/paused");
  await put("f/s/deleted");
  const replica = bench.replica();
  passMinutes(1 - AHEAD_MS / MINUTE_MS);
  await bench.tick(replica);
  await bench.schedules.setPaused(WORKSPACE, "f/s/paused", true, "test");
  await bench.schedules.setPaused(WORKSPACE, "f/s/paused", false, "test");
  await put("f/s/paused", { cron: "*/1 * * * *", overlap: "parallel" });
  await bench.schedules.remove(WORKSPACE, "f/s/deleted", "test");
  await bench.tick();
  bench.clock.wallMs += AHEAD_MS;
  await bench.tick(replica);
  await bench.tick();
  await bench.recover();
  expect((await runsOf("f/s/paused")).map(({ state }) => state)).toEqual(["started"]);
  expect(await bench.started("f/s/paused")).toHaveLength(1);
  expect(await bench.started("f/s/deleted")).toHaveLength(1);
});

test("a clock that is set back while a tick is being recorded does not put it off", async () => {
  await put("f/s/back", { overlap: "parallel" });
  const replica = bench.replica((name) => {
    if (name === "claim") bench.clock.wallMs -= 60 * MINUTE_MS;
    return "go on";
  });
  passMinutes(1 - AHEAD_MS / MINUTE_MS);
  await bench.tick(replica);
  bench.clock.wallMs += AHEAD_MS - 1;
  await fire(replica);
  expect(await bench.started("f/s/back")).toEqual([]);
  bench.clock.wallMs += 1;
  await fire(replica);
  expect(await bench.started("f/s/back")).toHaveLength(1);
});

test("a replica that is suspended meanwhile finds the job that another one has started", async () => {
  await put("f/s/suspended", { overlap: "parallel" });
  const replica = bench.replica();
  passMinutes(1 - AHEAD_MS / MINUTE_MS);
  await bench.tick(replica);
  bench.clock.suspend(MINUTE_MS);
  await bench.recover();
  const jobs = await bench.started("f/s/suspended");
  expect(jobs).toHaveLength(1);
  bench.clock.wallMs += AHEAD_MS;
  await fire(replica);
  expect(await bench.started("f/s/suspended")).toEqual(jobs);
});

test("one that was before is found by its job, also when its row was let go and clock and pattern were set back", async () => {
  await put("f/s/again", { overlap: "parallel" });
  for (let tick = 0; tick < 2; tick++) {
    passMinutes(1);
    await bench.tick();
  }
  const before = await bench.started("f/s/again");
  expect(before).toHaveLength(2);
  bench.clock.wallMs -= MINUTE_MS;
  await bench.owner.pool.query("DELETE FROM schedule_run WHERE due_at = to_timestamp($1::float8 / 1000)", [bench.clock.wallMs]);
  await bench.owner.pool.query("UPDATE schedule_state SET next_at = to_timestamp($1::float8 / 1000)", [bench.clock.wallMs]);
  await bench.tick();
  expect(await bench.started("f/s/again")).toEqual(before);
  expect((await runsOf("f/s/again")).map(({ job }) => job).reverse()).toEqual(before);
});
