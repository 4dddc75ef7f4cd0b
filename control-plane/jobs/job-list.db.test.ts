import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asWorkspaceId, type JobId } from "../../kernel/ids.ts";
import { createQueryBuilder, type Db } from "../db/query-builder.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { DAY_MS, makePartitions, partitionName } from "../housekeeping/partition-store.ts";
import { idAt } from "../housekeeping/testing/past-days.ts";
import { type JobFilter, listJobs } from "./job-list-store.ts";
import { readJobs } from "./job-store.ts";
import { shardOf } from "./model.ts";

// Ten days of history: many jobs of one script in one workspace, and what is rare among them.
const DAYS = 10;
const PER_DAY = 3000;
const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const day = (ago: number): number => today - ago * DAY_MS;
const busy = asWorkspaceId("1");
const quiet = asWorkspaceId("2");
const RARE_SCRIPT = "77";
let database: TestDatabase;
let pool: pg.Pool;
let db: Db;
/** The statements that were sent, with their parameters. */
const sent: { text: string; values: unknown[] }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  for (let ago = DAYS; ago >= 0; ago -= 5) await makePartitions(pool, day(ago));
  await makePartitions(pool, Date.now());
  for (let ago = 1; ago <= DAYS; ago++) await fillDay(day(ago), ago);
  await pool.query(
    `INSERT INTO job_pending (id, workspace_id, shard, tag, language, prio, due_at, script_id)
     SELECT (lpad(to_hex($1::bigint + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, $2, $3, 'default', 'bash', 4, now(), 1 FROM generate_series(1, 5000) n`,
    [today, busy, shardOf(busy)],
  );
  await pool.query("VACUUM (ANALYZE)");
  const recording: pg.Pool = Object.create(pool);
  recording.connect = (async () => {
    const client = await pool.connect();
    const query = client.query.bind(client);
    const release = client.release.bind(client);
    const spy = Object.create(client);
    spy.query = (text: string, values: unknown[]) => {
      sent.push({ text, values });
      return query(text, values);
    };
    spy.release = release;
    return spy;
  }) as typeof pool.connect;
  db = createQueryBuilder(recording);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** One job in 3,000 failed, one is of a rare script; the quiet workspace has one job a day. */
async function fillDay(at: number, ago: number): Promise<void> {
  const id = "(lpad(to_hex($1::bigint + n * 1000), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid";
  const rows = `SELECT CASE WHEN n = 5 THEN ${quiet} ELSE ${busy} END::bigint AS w, ${id} AS id, CASE WHEN n = 7 THEN ${RARE_SCRIPT} ELSE 1 END AS s, (n = 9)::int AS outcome
    FROM generate_series(0::bigint, ${PER_DAY - 1}) n`;
  await pool.query(
    `INSERT INTO ${partitionName("job", at)} (workspace_id, id, kind, script_id, language, tag, prio, created_by, args) SELECT w, id, 0, s, 'bash', 'default', 4, 'test', '{}' FROM (${rows}) x`,
    [at],
  );
  await pool.query(
    `INSERT INTO ${partitionName("job_done", at)} (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, attempt, done_at)
     SELECT w, id, s, 'default', CASE WHEN ${ago} = ${DAYS} AND w = ${busy} THEN 1 ELSE outcome END, 0, 0, 1, now() FROM (${rows}) x`,
    [at],
  );
}

const all: JobFilter = { status: undefined, scriptId: undefined, before: undefined, limit: 50 };

/** Every page of a filter. */
async function walk(filter: Partial<JobFilter>, workspace = busy): Promise<{ ids: JobId[]; pages: number }> {
  const ids: JobId[] = [];
  let before: JobId | undefined;
  for (let pages = 1; ; pages++) {
    const page = await listJobs(db, workspace, { ...all, ...filter, before });
    expect(page.ids.length).toBeLessThanOrEqual(filter.limit ?? 50);
    ids.push(...page.ids);
    if (page.next === undefined) return { ids, pages };
    before = page.next;
  }
}

const nthOfDays = (n: number, from = 1): JobId[] => Array.from({ length: DAYS - from + 1 }, (_, at) => idAt(day(at + from) + n * 1000, n));

describe("a match that is rare is found in bounded steps, all of them, newest first", () => {
  test("failures", async () => {
    expect((await walk({ status: "failed", limit: 9 })).ids.slice(0, DAYS - 1)).toEqual(nthOfDays(9).slice(0, DAYS - 1));
  });

  test("failures of a script that fails once a day, and of one that never does", async () => {
    expect((await walk({ status: "failed", scriptId: "1" })).ids.slice(0, DAYS - 1)).toEqual(nthOfDays(9).slice(0, DAYS - 1));
    expect((await walk({ status: "failed", scriptId: RARE_SCRIPT })).ids).toEqual([idAt(day(DAYS) + 7000, 7)]);
  });

  test("that a script among failures of others has none is known after two statements", async () => {
    sent.length = 0;
    expect(await listJobs(db, busy, { ...all, status: "failed", scriptId: "78", before: idAt(day(1), 0) })).toEqual({ ids: [], next: undefined });
    expect(sent.length).toBeLessThanOrEqual(2);
  });

  test("successes where nothing else is, below a day of failures only", async () => {
    const { ids } = await walk({ status: "succeeded", scriptId: RARE_SCRIPT });
    expect(ids).toEqual(nthOfDays(7).slice(0, DAYS - 1));
    const last = await listJobs(db, busy, { ...all, status: "succeeded", before: idAt(day(DAYS - 1), 0) });
    expect(last.ids).toEqual([]);
  });

  test("a rare script below a long queue of another one", async () => {
    expect((await walk({ scriptId: RARE_SCRIPT })).ids).toEqual(nthOfDays(7));
    expect((await walk({ scriptId: "78" })).ids).toEqual([]);
  });

  test("a workspace with one job a day", async () => {
    expect((await walk({}, quiet)).ids).toEqual(nthOfDays(5));
    expect((await walk({ limit: 3 }, quiet)).ids).toEqual(nthOfDays(5));
  });

  test("every job of a busy workspace, once", async () => {
    const { ids } = await walk({ limit: 200 });
    expect(ids.length).toBe(DAYS * (PER_DAY - 1));
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
  });
});

/** Tables and indexes of a plan. */
async function planOf(statement: { text: string; values: unknown[] }): Promise<{ nodes: string[]; partitions: number; text: string }> {
  const { rows } = await pool.query<{ "QUERY PLAN": string }>(`EXPLAIN ${statement.text}`, statement.values);
  const text = rows.map((row) => row["QUERY PLAN"]).join("\n");
  return {
    nodes: [...text.matchAll(/(Seq Scan|Bitmap Heap Scan|Sort|Index Only Scan|Index Scan)/g)].map(([node]) => node),
    partitions: new Set(text.match(/job(_done)?_2\d{7}/g)).size,
    text,
  };
}

describe("plans", () => {
  test.each([
    ["the newest page", {}],
    ["of a script", { scriptId: "1", status: "succeeded" as const }],
    ["failures", { status: "failed" as const }],
    ["failures of a script", { status: "failed" as const, scriptId: "1" }],
    ["successes", { status: "succeeded" as const }],
  ])("%s: an index in order, nothing sorted, and at first three days at most", async (_name, filter) => {
    sent.length = 0;
    await listJobs(db, busy, { ...all, ...filter, limit: 1, before: idAt(day(3) + 60_000_000, 0) });
    const first = sent[0];
    if (first === undefined) throw new Error("nothing was asked");
    const { nodes, partitions, text } = await planOf(first);
    expect(partitions).toBeGreaterThan(0);
    expect(partitions).toBeLessThanOrEqual(3);
    expect(
      nodes.filter((node) => !node.startsWith("Index")),
      text,
    ).toEqual([]);
  });

  test("failures of a script are read from the index alone", async () => {
    sent.length = 0;
    await listJobs(db, busy, { ...all, status: "failed", scriptId: "1" });
    expect((await planOf(sent[0] ?? { text: "SELECT 1", values: [] })).text).toMatch(
      /Index Only Scan using job_done_\d+_workspace_id_script_id_outcome_id_idx/,
    );
  });

  test("the rows of a page open the partitions of their ids only, each by its primary key", async () => {
    const ids = nthOfDays(5).slice(0, 3);
    const records = await readJobs(pool, quiet, ids);
    expect(records.map((record) => record.id)).toEqual(ids);
    const asked: { text: string; values: unknown[] }[] = [];
    const recording = Object.create(pool);
    recording.query = (text: string, values: unknown[]) => {
      asked.push({ text, values });
      return pool.query(text, values);
    };
    await readJobs(recording, quiet, ids);
    const plans = await Promise.all(asked.filter(({ text }) => /FROM job(_done)? WHERE/.test(text)).map(planOf));
    expect(plans.map(({ partitions }) => partitions)).toEqual([3, 3]);
    for (const { text } of plans) expect(text).not.toMatch(/Seq Scan on job_(2|done)/);
  });
});
