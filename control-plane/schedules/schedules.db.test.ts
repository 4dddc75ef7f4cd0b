import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { asJobId } from "../../kernel/ids.ts";
import { openTestPool } from "../db/test-database.ts";
import { shardOf } from "../jobs/model.ts";
import { WORKSPACE } from "../scheduler/testing/owner-bench.ts";
import type { PutSchedule } from "./contract.ts";
import { SCRIPT, ScheduleBench } from "./testing/schedule-bench.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** So long before its moment a tick is recorded. */
const AHEAD_MS = 200;
let bench: ScheduleBench;
beforeAll(async () => {
  bench = await ScheduleBench.open();
});
afterAll(() => bench.close());
beforeEach(async () => {
  await bench.forgetAll();
  // A new day: no test sees the ticks of another.
  bench.clock.wallMs = (Math.floor(bench.clock.wallMs / DAY_MS) + 1) * DAY_MS;
});

const EVERY_MINUTE: PutSchedule = { cron: "* * * * *", script: SCRIPT, args: { n: "1" } };
const put = (path: string, definition: Partial<PutSchedule> = {}) => bench.schedules.put(WORKSPACE, path, { ...EVERY_MINUTE, ...definition }, "test");
const runsOf = (path: string) => bench.schedules.runs(WORKSPACE, path, undefined, 100);
const passMinutes = (count: number): void => {
  bench.clock.wallMs += count * MINUTE_MS;
};
const cancel = (id: string) => bench.owner.owner.cancel({ id: asJobId(id), workspace: WORKSPACE, shard: shardOf(WORKSPACE) }, "test");

describe("a replica that dies", () => {
  const overlaps = ["parallel", "skip", "queue"] as const;
  test.each(overlaps.flatMap((overlap) => [0, AHEAD_MS].map((aheadMs) => [overlap, aheadMs] as const)))(
    "at any step of a tick leaves it with exactly one job (%s, awake %d ms before)",
    async (overlap, aheadMs) => {
      let crashes = 0;
      for (let at = 0; ; at++) {
        const path = `f/crash/${overlap}_${aheadMs}_${at}`;
        await put(path, { overlap });
        bench.clock.wallMs += MINUTE_MS - aheadMs;
        let calls = 0;
        let isDead = false;
        const doomed = bench.replica(() => {
          if (isDead) return "never";
          isDead = calls++ === Math.floor(at / 2);
          return isDead ? (at % 2 === 0 ? "before" : "after") : "go on";
        });
        for (const restMs of aheadMs === 0 ? [0] : [aheadMs, 0]) {
          await bench.tick(doomed).catch(() => undefined);
          bench.clock.wallMs += restMs;
        }
        await bench.tick();
        await bench.recover();
        const [run, ...others] = await runsOf(path);
        expect(others).toEqual([]);
        expect(run?.state, `dead at step ${at}`).toBe("started");
        expect(await bench.started(path)).toEqual([run?.job]);
        await bench.schedules.remove(WORKSPACE, path, "test");
        if (!isDead) break;
        crashes += 1;
      }
      expect(crashes).toBeGreaterThanOrEqual(8);
    },
  );

  test("after its script was deleted under it has started the job all the same: it is found, not declared failed", async () => {
    await put("f/crash/gone");
    passMinutes(1);
    const doomed = bench.replica((name) => (name === "record" ? "before" : "go on"));
    await bench.tick(doomed);
    await bench.owner.pool.query("UPDATE schedule SET target_path = 'f/s/no_such' WHERE path = 'f/crash/gone'");
    await bench.recover();
    const [run] = await runsOf("f/crash/gone");
    expect(run?.state).toBe("started");
    expect(await bench.started("f/crash/gone")).toEqual([run?.job]);
  });
});

test("of several tickers at the same tick one does it, for each schedule", async () => {
  for (let at = 0; at < 40; at++) await put(`f/many/${at}`, { overlap: at % 2 === 0 ? "parallel" : "skip" });
  passMinutes(1);
  const replicas = [bench.replica(), bench.replica(), bench.replica()];
  await Promise.all(replicas.map(({ ticker }) => ticker.look()));
  await Promise.all(replicas.map((replica) => bench.tick(replica)));
  for (let at = 0; at < 40; at++) expect(await bench.started(`f/many/${at}`)).toHaveLength(1);
});

describe("overlaps", () => {
  test("skip leaves ticks out while the run before has not ended, and says so", async () => {
    await put("f/overlap/skip");
    for (let tick = 0; tick < 2; tick++) {
      passMinutes(1);
      await bench.tick();
    }
    const [first] = await bench.started("f/overlap/skip");
    expect((await runsOf("f/overlap/skip")).map(({ state, note }) => [state, note])).toEqual([
      ["skipped", "the run before has not ended"],
      ["started", undefined],
    ]);
    await cancel(first ?? "");
    passMinutes(1);
    await bench.tick();
    expect(await bench.started("f/overlap/skip")).toHaveLength(2);
  });

  test("queue lets them wait, and starts them one after the other", async () => {
    await put("f/overlap/queue", { overlap: "queue" });
    for (let tick = 0; tick < 3; tick++) {
      passMinutes(1);
      await bench.tick();
    }
    expect((await runsOf("f/overlap/queue")).map(({ state }) => state)).toEqual(["waiting", "waiting", "started"]);
    for (let jobs = 1; jobs <= 3; jobs++) {
      const started = await bench.started("f/overlap/queue");
      expect(started).toHaveLength(jobs);
      await cancel(started.at(-1) ?? "");
      await bench.recover();
    }
    const runs = await runsOf("f/overlap/queue");
    expect(runs.map(({ state }) => state)).toEqual(["started", "started", "started"]);
    expect(runs.map(({ job }) => job).reverse()).toEqual(await bench.started("f/overlap/queue"));
  });
});

describe("ticks that nobody was there for", () => {
  test("are missed without a wish, and one row says how many", async () => {
    await put("f/late/none", { overlap: "parallel" });
    passMinutes(61.5);
    await bench.tick();
    const [ran, missed] = await runsOf("f/late/none");
    expect([ran?.state, missed?.state]).toEqual(["started", "missed"]);
    expect((missed?.missed?.untilMs ?? 0) - (missed?.dueMs ?? 0)).toBe(59 * MINUTE_MS);
  });

  test("are told to hooks that want to know, with what is recorded or not at all; those of paused hooks and other workspaces write nothing", async () => {
    const { pool } = bench.owner;
    const hook = (path: string, events: string, isPaused: boolean) =>
      pool.query(
        `INSERT INTO notification_hook (workspace_id, path, url, events, path_prefix, paused, description, created_by, updated_by)
         VALUES ($1, $2, 'http://x', $3, '', $4, '', 'x', 'x')`,
        [WORKSPACE, path, [events], isPaused],
      );
    const told = () => bench.owner.rows<{ kind: string; data: string }>("SELECT kind, data FROM event_note");
    await hook("f/hooks/other", "job.failed", false);
    await hook("f/hooks/paused", "schedule.missed", true);
    await put("f/late/told", { overlap: "parallel" });
    const dueMs = bench.clock.wallMs + MINUTE_MS;
    passMinutes(30.5);
    await bench.tick();
    expect((await runsOf("f/late/told")).map(({ state }) => state)).toEqual(["started", "missed"]);
    expect(await told()).toEqual([]);
    await hook("f/hooks/late", "schedule.missed", false);
    passMinutes(30);
    await pool.query("ALTER TABLE event_note ADD CONSTRAINT no_more CHECK (kind <> 'schedule.missed') NOT VALID");
    await expect(bench.tick()).rejects.toThrow("no_more");
    await pool.query("ALTER TABLE event_note DROP CONSTRAINT no_more");
    expect(await runsOf("f/late/told")).toHaveLength(2);
    await bench.tick();
    expect((await runsOf("f/late/told")).map(({ state }) => state)).toEqual(["started", "missed", "started", "missed"]);
    const iso = (ms: number): string => new Date(ms).toISOString();
    const [one, ...more] = await told();
    expect([one?.kind, more]).toEqual(["schedule.missed", []]);
    expect(JSON.parse(one?.data ?? "")).toEqual({
      path: "f/late/told",
      data: { schedule: "f/late/told", due_at: iso(dueMs + 30 * MINUTE_MS), until: iso(dueMs + 58 * MINUTE_MS), cron: "* * * * *", timezone: "UTC" },
    });
    await pool.query("DELETE FROM notification_hook");
    await pool.query("DELETE FROM event_note");
  });

  test("are made up for as asked", async () => {
    await put("f/late/latest", { overlap: "parallel", catch_up: { policy: "latest" } });
    await put("f/late/all", { overlap: "parallel", catch_up: { policy: "all", max: 10, window_s: 3600 } });
    passMinutes(30.5);
    await bench.tick();
    expect(await bench.started("f/late/latest")).toHaveLength(1);
    expect(await bench.started("f/late/all")).toHaveLength(11);
  });

  test("do not come again when the clock is set back, also under a new pattern", async () => {
    await put("f/late/back", { overlap: "parallel" });
    passMinutes(2.5);
    await bench.tick();
    bench.clock.wallMs -= 60 * MINUTE_MS;
    await bench.tick();
    expect(await bench.started("f/late/back")).toHaveLength(1);
    const before = await runsOf("f/late/back");
    await put("f/late/back", { overlap: "parallel", cron: "0-59 * * * *" });
    passMinutes(61);
    await bench.tick();
    const keys = (await runsOf("f/late/back")).map(({ dueMs }) => dueMs);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toContain(before[0]?.dueMs);
    expect(await bench.started("f/late/back")).toHaveLength((await runsOf("f/late/back")).filter(({ state }) => state === "started").length);
  });
});

describe("a change", () => {
  test("of pattern or zone counts from the moment that it is made: a ticker that knows the former one is refused", async () => {
    await put("f/change/cron");
    passMinutes(0.5);
    const old = bench.replica();
    bench.clock.wallMs += 28_000;
    await old.ticker.look();
    await put("f/change/cron", { cron: "30 * * * * *", timezone: "Europe/Berlin" });
    bench.clock.wallMs += 5000;
    await old.ticker.fire();
    expect(await bench.started("f/change/cron")).toEqual([]);
    await put("f/change/cron", { cron: "30 * * * * *", timezone: "Europe/Berlin", args: { n: "2" } });
    passMinutes(1);
    await bench.tick();
    expect(await bench.started("f/change/cron")).toHaveLength(1);
  });

  test("paused it does not tick, and what would have come meanwhile is neither run nor missed", async () => {
    await put("f/change/pause");
    const known = bench.replica();
    bench.clock.wallMs += 58_000;
    await known.ticker.look();
    expect(await bench.schedules.setPaused(WORKSPACE, "f/change/pause", true, "olga@example.com")).toMatchObject({ paused: true, nextMs: undefined });
    passMinutes(30);
    await known.ticker.fire();
    await bench.tick();
    const { nextMs } = await bench.schedules.setPaused(WORKSPACE, "f/change/pause", false, "olga@example.com");
    expect((nextMs ?? 0) - bench.clock.wallMs).toBeLessThanOrEqual(MINUTE_MS);
    await bench.tick();
    expect(await runsOf("f/change/pause")).toEqual([]);
  });

  test("is refused by the field that is wrong, and when somebody else was quicker", async () => {
    const refused = (definition: Partial<PutSchedule>) => expect(put("f/change/wrong", definition)).rejects;
    await refused({ cron: "61 * * * *" }).toMatchObject({ code: "invalid_argument", fields: [{ pointer: "/cron" }] });
    await refused({ cron: "0 0 30 2 *" }).toMatchObject({ fields: [{ pointer: "/cron", message: "never matches" }] });
    await refused({ timezone: "Mars/Olympus" }).toMatchObject({ fields: [{ pointer: "/timezone" }] });
    await refused({ script: "f/s/jop" }).toMatchObject({ code: "invalid_argument", fields: [{ pointer: "/script" }] });
    await refused({ args: { m: 1 } }).toMatchObject({ fields: expect.arrayContaining([expect.objectContaining({ pointer: "/args/m" })]) });
    await refused({ on_error: { script: "f/s/none" } }).toMatchObject({ fields: [{ pointer: "/on_error/script" }] });
    await refused({ timeout_ms: 1000, soft_timeout_ms: 2000 }).toMatchObject({ fields: [{ pointer: "/soft_timeout_ms" }] });
    const { stored } = await put("f/change/wrong");
    await put("f/change/wrong", { description: "newer" });
    const condition = { "if-match": `"${stored.revision}"` };
    await expect(bench.schedules.put(WORKSPACE, "f/change/wrong", EVERY_MINUTE, "test", condition)).rejects.toMatchObject({ code: "aborted" });
    await expect(bench.schedules.remove(WORKSPACE, "f/change/wrong", "test", condition)).rejects.toMatchObject({ code: "aborted" });
  });
});

test("jobs and handlers of a schedule act for the account that wrote it last; a run that is asked for is whose it is", async () => {
  const [alice, robot] = ["alice@example.com", "service:robot"];
  const write = (by: string, change: Partial<PutSchedule> = {}) =>
    bench.schedules.put(WORKSPACE, "f/by/whom", { ...EVERY_MINUTE, overlap: "parallel", on_error: { script: SCRIPT, args: { n: "x" } }, ...change }, by);
  const makers = async (): Promise<string[]> => {
    const jobs = (await runsOf("f/by/whom")).flatMap(({ job, handlerJob }) => [handlerJob, job]);
    const rows = await bench.owner.rows<{ id: string; created_by: string }>("SELECT id::text, created_by FROM job WHERE id = ANY($1::uuid[])", jobs);
    return jobs.flatMap((id) => rows.find((row) => row.id === id)?.created_by ?? []);
  };
  await write("test");
  await write(alice);
  expect(await bench.schedules.setPaused(WORKSPACE, "f/by/whom", true, "olga@example.com")).toMatchObject({ updatedBy: alice });
  await bench.schedules.setPaused(WORKSPACE, "f/by/whom", false, "olga@example.com");
  passMinutes(1);
  await bench.tick();
  await write(robot);
  passMinutes(1);
  await bench.tick();
  await bench.schedules.runNow(WORKSPACE, "f/by/whom", "olga@example.com");
  expect(await makers()).toEqual(["olga@example.com", `schedule:f/by/whom by ${robot}`, `schedule:f/by/whom by ${alice}`]);

  await bench.owner.pool.query("UPDATE schedule SET target_path = 'f/s/no_such' WHERE path = 'f/by/whom'");
  passMinutes(1);
  await bench.tick();
  await expect.poll(async () => (await makers())[0]).toBe(`schedule:f/by/whom by ${robot}`);
  expect((await runsOf("f/by/whom"))[0]).toMatchObject({ state: "failed", handler: "error", job: undefined });
  await write("test");
  passMinutes(1);
  await bench.tick();
  expect((await makers())[0]).toBe("schedule:f/by/whom");
});

test("what cannot be started is recorded with its reason, and counts for the handlers", async () => {
  await put("f/fails/here", { overlap: "parallel", on_error: { script: SCRIPT, args: { n: "x" } } });
  await bench.owner.pool.query("UPDATE schedule SET target_path = 'f/s/no_such' WHERE path = 'f/fails/here'");
  passMinutes(1);
  await bench.tick();
  await expect.poll(async () => (await runsOf("f/fails/here"))[0]?.handlerJob).toBeDefined();
  const [run] = await runsOf("f/fails/here");
  expect(run).toMatchObject({ state: "failed", note: "there is no script at f/s/no_such", handler: "error", job: undefined });
  expect(await bench.started("f/fails/here")).toEqual([run?.handlerJob]);
  expect(await bench.schedules.find(WORKSPACE, "f/fails/here")).toMatchObject({ failures: 1 });
});

test("a run that is asked for starts at once, whatever else runs, and is no tick", async () => {
  await put("f/asked/now");
  passMinutes(1);
  await bench.tick();
  const runs = await Promise.all(Array.from({ length: 3 }, () => bench.schedules.runNow(WORKSPACE, "f/asked/now", "somebody")));
  expect(runs.map(({ state, askedBy }) => [state, askedBy])).toEqual(Array.from({ length: 3 }, () => ["started", "somebody"]));
  expect(new Set(runs.map(({ job }) => job)).size).toBe(3);
  expect(await bench.started("f/asked/now")).toHaveLength(1);
});

test("10,000 schedules at one tick: each has one job; looks go by the index, and old runs are let go", async () => {
  await put("f/big/0", { overlap: "parallel" });
  const like = await bench.schedules.find(WORKSPACE, "f/big/0");
  // Connections that have seen the empty tables check references by reading them whole.
  const pool = openTestPool(bench.url);
  await pool.query(
    `INSERT INTO schedule (workspace_id, path, description, cron, zone, target_kind, target_path, args, settings, overlap, catch_up, paused, created_by, updated_by)
     SELECT $1, 'f/big/' || n, '', '* * * * *', 'UTC', 'script', $2, '{"n":"1"}', '{}', 'parallel', 'none', false, 'test', 'test' FROM generate_series(1, 9999) n`,
    [WORKSPACE, SCRIPT],
  );
  await pool.query(
    "INSERT INTO schedule_state (workspace_id, schedule_id, shard, next_at) SELECT workspace_id, id, $2, to_timestamp($3::float8 / 1000) FROM schedule WHERE id > $1",
    [like?.id, shardOf(WORKSPACE), like?.nextMs],
  );
  await pool.query("ANALYZE schedule_state");
  passMinutes(1);
  await bench.tick();
  const [count] = await bench.owner.rows<{ runs: number; jobs: number; found: number }>(
    `SELECT count(*)::int AS runs, count(DISTINCT job_id)::int AS jobs, (SELECT count(*)::int FROM job WHERE created_by LIKE 'schedule:f/big/%') AS found
     FROM schedule_run WHERE state = 'started'`,
  );
  expect(count).toEqual({ runs: 10_000, jobs: 10_000, found: 10_000 });
  const plan = await bench.owner.rows<{ "QUERY PLAN": string }>(
    "EXPLAIN SELECT schedule_id FROM schedule_state WHERE next_at <= now() AND shard = ANY('{1}') ORDER BY next_at LIMIT 100",
  );
  expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).toContain("schedule_due");
  const schedule = { workspace: WORKSPACE, id: like?.id ?? "" };
  await pool.query(
    "INSERT INTO schedule_run (workspace_id, schedule_id, due_at, state, todo) SELECT $1, $2, to_timestamp(n), 'missed', CASE n WHEN 1 THEN 'wait' END FROM generate_series(1, 300) n",
    [WORKSPACE, schedule.id],
  );
  await pool.end();
  await bench.tables.prune([schedule], 200);
  const left = await bench.schedules.runs(WORKSPACE, "f/big/0", undefined, 500);
  expect(left).toHaveLength(202);
  expect(left.at(-1)?.dueMs).toBe(1000);
}, 60_000);
