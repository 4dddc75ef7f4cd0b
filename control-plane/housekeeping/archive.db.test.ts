import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { openFolderBlobs } from "../blobs/folder-blobs.ts";
import { withExclusiveSession } from "../db/session.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { createArchiver } from "./archive.ts";
import { readArchive, readManifest } from "./archive-format.ts";
import { DAY_MS, makePartitions, PARENTS, partitionName } from "./partition-store.ts";
import { type RetentionOutcome, runRetention } from "./retention.ts";
import { idAt, insertPastJob } from "./testing/past-days.ts";

const nowMs = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;
const ours = asWorkspaceId("1");
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const folder = mkdtempSync(join(tmpdir(), "millrace-archive-"));
let database: TestDatabase;
let pool: pg.Pool;
let store: BlobStore;
let archived: number[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  store = openFolderBlobs(folder);
});
beforeEach(() => {
  archived = [];
});
afterAll(async () => {
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function retain(to: BlobStore, retentionDays = 30): Promise<RetentionOutcome> {
  const archiver = createArchiver({ store: to, packsOf: async () => [], onArchived: (rows) => archived.push(rows), rest: 0 });
  const options = { nowMs, retentionMs: retentionDays * DAY_MS, archiver, forgetLogs: async () => undefined, log };
  const outcome = await withExclusiveSession(database.url, "test", (session) => runRetention(session, options));
  if (outcome === undefined) throw new Error("the lock must be free");
  return outcome;
}

/** Exactly one expired day: the days that the maker adds around it are taken away. */
async function oneDay(daysAgo: number): Promise<number> {
  const day = Math.floor(nowMs / DAY_MS) * DAY_MS - daysAgo * DAY_MS;
  await makePartitions(pool, day);
  for (let other = day - DAY_MS; other <= day + 4 * DAY_MS; other += DAY_MS)
    if (other !== day) for (const parent of PARENTS) await pool.query(`DROP TABLE ${partitionName(parent, other)}`);
  return day;
}

async function linesOf(manifestKey: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readArchive(store, manifestKey)) lines.push(line);
  return lines;
}

const text = (day: number): string => new Date(day).toISOString().slice(0, 10);
const manifestOf = (table: string, day: number, part = 1): string => `archive/v1/${table}/${text(day)}/part-${part}.manifest.json`;

test("every row is in the archive before its table goes, exactly, and can be put back", async () => {
  const day = await oneDay(40);
  for (let n = 0; n < 50; n++) await insertPastJob(pool, { workspace: n % 2 === 0 ? ours : asWorkspaceId("2"), id: idAt(day, n), doneAtMs: day, chunks: 2 });
  await pool.query("INSERT INTO job_progress (workspace_id, id, attempt, percent) VALUES ($1, $2, 1, 50)", [ours, idAt(day, 0)]);
  await pool.query("INSERT INTO job_checkpoint (workspace_id, id, seq, attempt, kind, name, value, total_bytes) VALUES ($1, $2, 1, 1, 0, 'a', '[1.50]', 6)", [
    ours,
    idAt(day, 0),
  ]);
  const before = new Map<string, unknown>();
  for (const table of ["job", "job_done", "job_log", "job_progress", "job_checkpoint"])
    before.set(table, (await pool.query(`SELECT * FROM ${table} ORDER BY 1, 2, 3, 4`)).rows);
  expect(await retain(store)).toEqual({ dropped: 9, thinned: 0, held: 0 });
  expect(archived).toEqual([100, 1, 1, 50, 50]);
  for (const table of ["job", "job_done", "job_log", "job_progress", "job_checkpoint"]) {
    const lines = await linesOf(manifestOf(table, day));
    await pool.query(`CREATE TABLE back_${table} (LIKE ${table})`);
    await pool.query(`INSERT INTO back_${table} SELECT r.* FROM unnest($1::json[]) AS l(line), json_populate_record(NULL::${table}, l.line) AS r`, [lines]);
    expect((await pool.query(`SELECT * FROM back_${table} ORDER BY 1, 2, 3, 4`)).rows).toEqual(before.get(table));
  }
  const { rows } = await pool.query("SELECT parent, row_count::int, removed_at IS NOT NULL AS closed FROM archive_part ORDER BY 1");
  const counts = { job: 50, job_checkpoint: 1, job_done: 50, job_log: 100, job_progress: 1 };
  expect(rows).toEqual(Object.entries(counts).map(([parent, row_count]) => ({ parent, row_count, closed: true })));
});

test("a day that is thinned is archived without the jobs that stay; these come as a second part when they go", async () => {
  const day = await oneDay(50);
  for (let n = 0; n < 10; n++) await insertPastJob(pool, { workspace: ours, id: idAt(day, n), doneAtMs: day, chunks: 1 });
  await insertPastJob(pool, { workspace: ours, id: idAt(day, 99), chunks: 1 });
  expect(await retain(store)).toEqual({ dropped: 0, thinned: 9, held: 0 });
  expect(await retain(store)).toEqual({ dropped: 0, thinned: 0, held: 0 });
  expect((await linesOf(manifestOf("job", day))).length).toBe(10);
  await pool.query("DELETE FROM job_pending");
  await pool.query(
    "INSERT INTO job_done (workspace_id, id, tag, outcome, exit_reason, exit_code, attempt, done_at) VALUES (1, $1, 'default', 2, 4, 0, 0, to_timestamp($2::float8 / 1000))",
    [idAt(day, 99), nowMs - 31 * DAY_MS],
  );
  expect(await retain(store)).toEqual({ dropped: 9, thinned: 0, held: 0 });
  for (const [table, rows] of [
    ["job", 1],
    ["job_done", 1],
    ["job_log", 1],
  ] as const) {
    expect((await readManifest(store, manifestOf(table, day, 2))).rows).toBe(rows);
    expect((await linesOf(manifestOf(table, day, 2))).every((line) => line.includes(idAt(day, 99)))).toBe(true);
  }
});

const broken: [string, (of: BlobStore) => Partial<BlobStore>][] = [
  ["cannot be written", () => ({ put: () => Promise.reject(new AppError("unavailable", "no space left")) })],
  ["gives back other bytes", (of) => ({ get: async (key) => (await of.get(key))?.fill(0, 0, 1) })],
  ["loses what was written", () => ({ put: async () => undefined })],
];
test.each(broken)("a store that %s keeps the day in the database, whole; the next round archives it", async (_name, breakIt) => {
  const day = await oneDay(60);
  for (let n = 0; n < 5; n++) await insertPastJob(pool, { workspace: ours, id: idAt(day, n), doneAtMs: day, chunks: 1 });
  expect(await retain({ ...store, ...breakIt(store) })).toEqual({ dropped: 0, thinned: 0, held: 1 });
  expect((await pool.query("SELECT 1 FROM job_log UNION ALL SELECT 1 FROM job_done UNION ALL SELECT 1 FROM job")).rowCount).toBe(15);
  await pool.query("DELETE FROM archive_part WHERE removed_at IS NOT NULL");
  expect(await retain(store)).toEqual({ dropped: 9, thinned: 0, held: 0 });
  expect((await linesOf(manifestOf("job_done", day))).length).toBe(5);
});

test("an archive whose object was damaged is refused by its reader", async () => {
  const day = await oneDay(80);
  await insertPastJob(pool, { workspace: ours, id: idAt(day, 1), doneAtMs: day });
  await retain(store);
  const { objects } = await readManifest(store, manifestOf("job", day));
  const key = objects[0]?.key ?? "";
  const bytes = (await store.get(key)) ?? Buffer.alloc(0);
  await store.put(key, bytes.fill(1, bytes.length - 1));
  await expect(linesOf(manifestOf("job", day))).rejects.toMatchObject({ code: "failed_precondition" });
});
