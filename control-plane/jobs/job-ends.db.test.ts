import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asWorkspaceId, type JobId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import { idAt, insertPastJob } from "../housekeeping/testing/past-days.ts";
import { JobEnds } from "./job-ends.ts";
import { JobEvents } from "./job-events.ts";

const workspace = { id: asWorkspaceId("1"), name: "ours" };
const theirs = { id: asWorkspaceId("2"), name: "theirs" };
const never = new AbortController().signal;
const nowMs = Date.now();
const events = new JobEvents();
let database: TestDatabase;
let pool: pg.Pool;
let ends: JobEnds;
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await makePartitions(pool, nowMs);
  ends = new JobEnds(pool, events);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function waiting(): Promise<JobId> {
  count += 1;
  const id = idAt(nowMs, count);
  await insertPastJob(pool, { workspace: workspace.id, id });
  return id;
}

/** Ends them in one transaction. */
async function end(ids: readonly JobId[], result = '{"n":9007199254740993}'): Promise<void> {
  await pool.query("DELETE FROM job_pending WHERE id = ANY($1::uuid[])", [ids]);
  await pool.query(
    `INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, attempt, done_at, result) SELECT $1, id, 7, 'default', 0, 0, 0, 1, now(), $3 FROM unnest($2::uuid[]) AS id`,
    [workspace.id, ids, result],
  );
}

const idsOf = (texts: readonly string[]): string[] => texts.map((text) => (JSON.parse(text) as { job: { id: string } }).job.id);

test("those that have ended come at once, with their results as the scripts wrote them", async () => {
  const [over, open] = [await waiting(), await waiting()];
  await end([over]);
  const found = await ends.wait({ workspace }, [over, open, over], 60_000, never);
  expect(idsOf(found)).toEqual([over]);
  expect(found[0]).toContain('"result":{"n":9007199254740993}');
});

test("the first that ends wakes those who wait; others of the same moment come with it", async () => {
  const ids = await Promise.all(Array.from({ length: 300 }, waiting));
  const found = ends.wait({ workspace }, ids, 60_000, never);
  const ending = ids.slice(0, 2);
  await end(ending);
  for (const id of ending) events.emit(id, "ended");
  expect(idsOf(await found).sort()).toEqual([...ending].sort());
});

test("an end whose notice was lost is found all the same; when time is over there is none", async () => {
  const id = await waiting();
  expect(await ends.wait({ workspace }, [id], 0, never)).toEqual([]);
  const found = ends.wait({ workspace }, [id], 60_000, never);
  await end([id]);
  expect(idsOf(await found)).toEqual([id]);
});

test("large results come in several answers", async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, waiting));
  await end(ids, JSON.stringify("x".repeat(1024 * 1024)));
  const seen: string[] = [];
  for (let open: string[] = ids; open.length > 0; open = ids.filter((id) => !seen.includes(id))) {
    const found = idsOf(await ends.wait({ workspace }, open, 0, never));
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(6);
    seen.push(...found);
  }
  expect(seen.sort()).toEqual([...ids].sort());
});

test("a job of another workspace does not exist", async () => {
  const id = await waiting();
  await expect(ends.wait({ workspace: theirs }, [id], 0, never)).rejects.toMatchObject({ code: "not_found" });
  await expect(ends.wait({ workspace }, ["nonsense"], 0, never)).rejects.toMatchObject({ code: "not_found" });
});
