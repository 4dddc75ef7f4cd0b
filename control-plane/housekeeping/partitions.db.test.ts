import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions, PARENTS, PREMADE_DAYS, partitionName } from "./partition-store.ts";
import { PartitionMaker } from "./partitions.ts";

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const DAY_MS = 24 * 60 * 60 * 1000;
const now = Date.UTC(2026, 10, 21, 23, 59, 59, 999);

test("the days from yesterday to four ahead are made once, also when two replicas make them at the same time", async () => {
  const both = await Promise.all([makePartitions(pool, now), makePartitions(pool, now)]);
  expect(both.flat().sort()).toEqual(
    ["job", "job_done", "job_log", "job_attempt", "job_key", "job_progress", "job_checkpoint", "flow_event", "flow_item"]
      .flatMap((parent) => Array.from({ length: PREMADE_DAYS + 2 }, (_, at) => partitionName(parent, now + (at - 1) * DAY_MS)))
      .sort(),
  );
  expect(await makePartitions(pool, now)).toEqual([]);
  expect(await makePartitions(pool, now + 1)).toEqual(PARENTS.map((parent) => `${parent}_20261126`));
});

test("an id lands in the partition of its day; one beyond the premade days fails loudly", async () => {
  const insert = (ms: number): Promise<unknown> => {
    const time = ms.toString(16).padStart(12, "0");
    const id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000001`;
    return pool.query("INSERT INTO job (workspace_id, id, kind, language, tag, prio, created_by, args) VALUES (1, $1, 1, 'bash', 'default', 4, 'test', '{}')", [
      id,
    ]);
  };
  await insert(now);
  await insert(now + 1);
  const { rows } = await pool.query<{ child: string }>("SELECT tableoid::regclass::text AS child FROM job ORDER BY id");
  expect(rows.map((row) => row.child)).toEqual(["job_20261121", "job_20261122"]);
  await expect(insert(now + 30 * DAY_MS)).rejects.toThrow(/no partition of relation "job"/);
});

test("log data is stored out of line and not compressed again, in every partition", async () => {
  const { rows } = await pool.query<{ storage: string }>(
    "SELECT DISTINCT attstorage AS storage FROM pg_attribute WHERE attname = 'data' AND attrelid::regclass::text LIKE 'job_log_2%'",
  );
  expect(rows).toEqual([{ storage: "e" }]);
});

test("when few days are left, since nobody makes new ones, every replica raises an alarm and makes them itself", async () => {
  let nowMs = now + 10 * DAY_MS;
  const alarms: unknown[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields: Record<string, unknown>) => alarms.push(fields["event"]),
  };
  const maker = new PartitionMaker(pool, { wallMs: () => nowMs, monotonicMs: () => 0 }, log);
  await maker.make();
  expect(maker.aheadDays()).toBeCloseTo(PREMADE_DAYS, 5);
  nowMs += 2 * DAY_MS;
  await maker.look();
  expect([alarms, Math.round(maker.aheadDays())]).toEqual([[], PREMADE_DAYS - 2]);
  nowMs += DAY_MS;
  expect(Math.round(maker.aheadDays())).toBe(PREMADE_DAYS - 3);
  await maker.look();
  expect([alarms, Math.round(maker.aheadDays())]).toEqual([["partitions.few"], PREMADE_DAYS]);
  expect(Math.round(maker.oldestDays())).toBe(Math.round((nowMs - now) / DAY_MS) + 2);
});
