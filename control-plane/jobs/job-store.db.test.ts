import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asWorkspaceId, createJobIdGenerator, type JobId } from "../../kernel/ids.ts";
import { createQueryBuilder, type Db } from "../db/query-builder.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import type { JobStatus } from "./contract.ts";
import { listJobs } from "./job-list-store.ts";
import { readJob, readJobs, readResult } from "./job-store.ts";
import { shardOf } from "./model.ts";

const ours = asWorkspaceId("1");
const theirs = asWorkspaceId("2");
const newId = createJobIdGenerator(() => Date.now());
let database: TestDatabase;
let pool: pg.Pool;
let db: Db;
const made: { id: JobId; status: JobStatus; scriptId: string }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  db = createQueryBuilder(pool);
  await makePartitions(pool, Date.now());
  const statuses: JobStatus[] = ["queued", "running", "succeeded", "failed", "cancelled"];
  for (let at = 0; at < 50; at++) {
    const entry = { id: newId(), status: statuses[at % 5] ?? "queued", scriptId: String(1 + (at % 2)) };
    made.push(entry);
    await insert(ours, entry);
    await insert(theirs, { ...entry, id: newId() });
  }
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function insert(workspace: typeof ours, job: { id: JobId; status: JobStatus; scriptId: string }): Promise<void> {
  const { id, status, scriptId } = job;
  await pool.query(
    "INSERT INTO job (workspace_id, id, kind, script_id, language, tag, prio, created_by, args) VALUES ($1, $2, 0, $3, 'bash', 'default', 4, 'test', '{}')",
    [workspace, id, scriptId],
  );
  const shard = shardOf(workspace);
  if (status === "queued") {
    await pool.query(
      "INSERT INTO job_pending (id, workspace_id, shard, tag, language, prio, due_at, script_id) VALUES ($1, $2, $3, 'default', 'bash', 4, now(), $4)",
      [id, workspace, shard, scriptId],
    );
  } else if (status === "running") {
    await pool.query(
      "INSERT INTO job_running (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, claimed_at) VALUES ($1, $2, $3, 'default', 'bash', 4, 0, 2, 1, 5, 1, $4, now())",
      [id, workspace, shard, scriptId],
    );
  } else {
    const outcome = ["succeeded", "failed", "cancelled"].indexOf(status);
    await pool.query(
      "INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, attempt, done_at, result) VALUES ($1, $2, $3, 'default', $4, $5, 0, 1, now(), '{\"big\":12345678901234567890}')",
      [workspace, id, scriptId, outcome, [0, 1, 4][outcome]],
    );
  }
}

const expected = (status?: JobStatus, scriptId?: string): JobId[] =>
  made
    .filter((job) => (status === undefined || job.status === status) && (scriptId === undefined || job.scriptId === scriptId))
    .map((job) => job.id)
    .reverse();

test.each([undefined, "queued", "running", "succeeded", "failed", "cancelled"] as const)(
  "pages of status %s are complete, newest first, without repetitions, and of one workspace",
  async (status) => {
    for (const scriptId of [undefined, "1", "2"]) {
      const seen: JobId[] = [];
      for (let before: JobId | undefined; ; ) {
        const page = await listJobs(db, ours, { status, scriptId, before, limit: 3 });
        seen.push(...page.ids);
        if (page.next === undefined) break;
        before = page.next;
      }
      expect(seen).toEqual(expected(status, scriptId));
    }
  },
);

test("a job is shown with its one place; a foreign one is not there", async () => {
  const records = await readJobs(
    pool,
    ours,
    made.map((job) => job.id),
  );
  expect(records.map((record) => record.status)).toEqual([...made].reverse().map((job) => job.status));
  expect(records.find((record) => record.status === "running")).toMatchObject({ attempt: 2 });
  const { ids: foreign } = await listJobs(db, theirs, { status: undefined, scriptId: undefined, before: undefined, limit: 1 });
  expect(await readJob(pool, ours, foreign[0] ?? newId())).toBeUndefined();
});

test("a result is relayed as text, with all its digits", async () => {
  const done = made.find((job) => job.status === "succeeded");
  expect(await readResult(pool, ours, done?.id ?? newId())).toBe('{"big":12345678901234567890}');
  expect(await readResult(pool, ours, newId())).toBeUndefined();
});

test("the list of what failed uses the partial index", async () => {
  const client = await pool.connect();
  try {
    await client.query("SET enable_seqscan = off");
    const { rows } = await client.query<{ "QUERY PLAN": string }>(
      "EXPLAIN SELECT id FROM job_done WHERE workspace_id = 1 AND id < 'ffffffff-ffff-ffff-ffff-ffffffffffff' AND outcome <> 0 AND outcome = 1 ORDER BY id DESC LIMIT 50",
    );
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toMatch(/Index (Only )?Scan using job_done_\d+_workspace_id_outcome_id_script_id_idx/);
    expect(plan).not.toMatch(/Sort/);
  } finally {
    client.release();
  }
});
