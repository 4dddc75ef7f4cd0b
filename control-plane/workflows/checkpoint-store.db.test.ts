import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asToken, asWorkspaceId, createJobIdGenerator, type JobId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import { shardOf } from "../jobs/model.ts";
import { findCheckpoints, listCheckpoints, type NewCheckpoint, writeCheckpoints } from "./checkpoint-store.ts";
import { WORKFLOW_LIMITS } from "./contract.ts";

const workspace = asWorkspaceId("1");
const newId = createJobIdGenerator(() => Date.now());
const [first, second] = [asToken("100"), asToken("200")];
const step = (name: string, value: string): NewCheckpoint => ({ kind: "step", name, value });

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await makePartitions(pool, Date.now());
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** A job that runs. */
async function running(): Promise<JobId> {
  const id = newId();
  await pool.query(
    `INSERT INTO job_running (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, claimed_at)
     VALUES ($1, $2, $3, 'default', 'python3', 4, 0, 1, 0, $4, 5, clock_timestamp())`,
    [id, workspace, shardOf(workspace), first],
  );
  return id;
}

/** The job's attempt is over, and the next one runs. */
const nextAttempt = (id: JobId): Promise<unknown> => pool.query("UPDATE job_running SET attempt = 2, token = $2 WHERE id = $1", [id, second]);
const namesOf = async (id: JobId): Promise<string[]> => (await listCheckpoints(pool, workspace, id, 0)).checkpoints.map(({ name }) => name);

test("what an attempt has done is there for the next one, in its order; what the attempt before writes late is refused whole", async () => {
  const id = await running();
  expect(await writeCheckpoints(pool, workspace, id, first, [step("a", "1"), step("b", '"zwei"')])).toEqual({ kind: "written" });
  expect(await writeCheckpoints(pool, workspace, id, first, [step("c", "9007199254740993")])).toEqual({ kind: "written" });
  await nextAttempt(id);
  expect(await writeCheckpoints(pool, workspace, id, first, [step("late", "1")])).toEqual({ kind: "stale" });
  expect(await writeCheckpoints(pool, workspace, id, second, [step("d", "null")])).toEqual({ kind: "written" });
  const { checkpoints, more } = await listCheckpoints(pool, workspace, id, 0);
  expect(checkpoints.map(({ seq, attempt, name, value }) => [seq, attempt, name, value])).toEqual([
    [1, 1, "a", "1"],
    [2, 1, "b", '"zwei"'],
    [3, 1, "c", "9007199254740993"],
    [4, 2, "d", "null"],
  ]);
  expect(more).toBe(false);
  expect((await findCheckpoints(pool, workspace, id, ["b", "none"])).map(({ name }) => name)).toEqual(["b"]);
});

test("a request that comes again changes nothing; a name keeps its first kind and value, and the rest of such a request is not written", async () => {
  const id = await running();
  await writeCheckpoints(pool, workspace, id, first, [step("a", "1")]);
  expect(await writeCheckpoints(pool, workspace, id, first, [step("a", "1")])).toEqual({ kind: "written" });
  expect(await writeCheckpoints(pool, workspace, id, first, [step("b", "2"), step("a", "2")])).toEqual({ kind: "taken", name: "a" });
  expect(await namesOf(id)).toEqual(["a"]);
  expect(await writeCheckpoints(pool, workspace, id, first, [step("a", "1"), step("b", "2")])).toEqual({ kind: "written" });
  expect(await namesOf(id)).toEqual(["a", "b"]);
  expect(await writeCheckpoints(pool, workspace, id, first, [{ kind: "task", name: "a", value: "1" }])).toEqual({ kind: "taken", name: "a" });
  const sleep = (until: number): NewCheckpoint => ({ kind: "sleep", name: "sleep", value: `{"until":${until}}` });
  await writeCheckpoints(pool, workspace, id, first, [sleep(1)]);
  expect(await writeCheckpoints(pool, workspace, id, first, [sleep(2)])).toEqual({ kind: "written" });
  expect((await findCheckpoints(pool, workspace, id, ["sleep"]))[0]?.value).toBe('{"until":1}');
});

test("requests that cross each other are all written, each under a number of its own", async () => {
  const id = await running();
  const names = Array.from({ length: 4 }, (_, at) => [`${at}.1`, `${at}.2`]);
  const written = await Promise.all(
    names.map((pair) =>
      writeCheckpoints(
        pool,
        workspace,
        id,
        first,
        pair.map((name) => step(name, "1")),
      ),
    ),
  );
  expect(written.every(({ kind }) => kind === "written")).toBe(true);
  const { checkpoints } = await listCheckpoints(pool, workspace, id, 0);
  expect(checkpoints.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(checkpoints.map(({ name }) => name).sort()).toEqual(names.flat().sort());
});

test("a job has a bounded number of them, and a bounded size of all", async () => {
  const many = await running();
  await pool.query(
    `INSERT INTO job_checkpoint (workspace_id, id, seq, attempt, kind, name, value, total_bytes)
     SELECT $1, $2, n, 1, 0, n::text, '1', n FROM generate_series(1, $3::int) AS n`,
    [workspace, many, WORKFLOW_LIMITS.checkpoints - 1],
  );
  expect(await writeCheckpoints(pool, workspace, many, first, [step("x", "1"), step("y", "1")])).toEqual({ kind: "full" });
  expect(await writeCheckpoints(pool, workspace, many, first, [step("x", "1")])).toEqual({ kind: "written" });
  expect(await writeCheckpoints(pool, workspace, many, first, [step("y", "1")])).toEqual({ kind: "full" });
  const large = await running();
  const value = JSON.stringify("x".repeat(WORKFLOW_LIMITS.valueBytes - 2));
  const fit = WORKFLOW_LIMITS.totalBytes / WORKFLOW_LIMITS.valueBytes;
  for (let at = 0; at < fit; at++) expect(await writeCheckpoints(pool, workspace, large, first, [step(String(at), value)])).toEqual({ kind: "written" });
  expect(await writeCheckpoints(pool, workspace, large, first, [step("more", "1")])).toEqual({ kind: "full" });
  // Read in pages: by rows, and by size.
  for (const [id, count] of [
    [many, WORKFLOW_LIMITS.checkpoints],
    [large, fit],
  ] as const) {
    const seen: number[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page: Awaited<ReturnType<typeof listCheckpoints>> = await listCheckpoints(pool, workspace, id, after);
      expect(page.checkpoints.length).toBeGreaterThan(0);
      expect(page.checkpoints.length).toBeLessThanOrEqual(1000);
      seen.push(...page.checkpoints.map(({ seq }) => seq));
      after = page.more ? seen.at(-1) : undefined;
    }
    expect(seen).toEqual(Array.from({ length: count }, (_, at) => at + 1));
  }
});

test("a job of another workspace has none of them", async () => {
  const id = await running();
  expect(await writeCheckpoints(pool, asWorkspaceId("2"), id, first, [step("a", "1")])).toEqual({ kind: "stale" });
  expect(await namesOf(id)).toEqual([]);
});
