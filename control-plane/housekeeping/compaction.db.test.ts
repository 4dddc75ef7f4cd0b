import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asWorkspaceId, type JobId, type WorkspaceId } from "../../kernel/ids.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { openFolderBlobs } from "../blobs/folder-blobs.ts";
import { withExclusiveSession } from "../db/session.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { segmentsOf } from "../logs/chunk-text.ts";
import { LiveLogs } from "../logs/live-logs.ts";
import { createLogReader } from "../logs/log-reader.ts";
import { insertChunks, type NewChunk } from "../logs/log-store.ts";
import { PackReader } from "../logs/pack-reader.ts";
import { LOG_START, tailLog } from "../logs/tail.ts";
import { type CompactionOptions, type CompactionOutcome, forgetLogs, runCompaction } from "./compaction.ts";
import { DAY_MS, makePartitions, partitionName } from "./partition-store.ts";
import { runRetention } from "./retention.ts";
import { idAt, insertPastJob } from "./testing/past-days.ts";

const nowMs = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const folder = mkdtempSync(join(tmpdir(), "millrace-packs-"));
const one = asWorkspaceId("1");
const two = asWorkspaceId("22");
let database: TestDatabase;
let pool: pg.Pool;
let store: BlobStore;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  store = openFolderBlobs(folder);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function compact(options: Partial<CompactionOptions> = {}): Promise<CompactionOutcome> {
  const all = { store, nowMs, afterMs: DAY_MS, log, onPacked: () => undefined, rest: 0, ...options };
  const outcome = await withExclusiveSession(database.url, "test", (session) => runCompaction(session, all));
  if (outcome === undefined) throw new Error("the lock must be free");
  return outcome;
}

const dayAgo = (days: number): number => Math.floor(nowMs / DAY_MS) * DAY_MS - days * DAY_MS;
const table = (day: number): string => partitionName("job_log", day);
const rowsOf = async (day: number): Promise<number> =>
  (await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table(day)}`)).rows[0]?.count ?? -1;

function chunk(workspace: WorkspaceId, id: JobId, attempt: number, seq: number, text = Buffer.from(`${workspace} ${id} ${attempt} ${seq}\n`)): NewChunk {
  const packed = seq % 2 === 1;
  const cut = Math.floor(text.length / 3);
  return {
    workspace,
    id,
    attempt,
    seq,
    atMs: 1_700_000_000_000 + seq,
    offsetBytes: seq * 100,
    sizeBytes: text.length,
    lines: 1,
    encoding: packed ? 2 : 1,
    segments: [cut * 4, (text.length - cut) * 4 + 1],
    data: packed ? zstdCompressSync(text) : text,
  };
}

/** Everything of a job, in pages of a size, as readers see it. */
async function readAll(workspace: WorkspaceId, id: JobId, page: number, from = LOG_START): Promise<string[]> {
  const read = createLogReader(pool, new PackReader(store), () => nowMs);
  const seen: string[] = [];
  for (let position = from; ; ) {
    const chunks = await read(workspace, id, position, page);
    for (const one of chunks)
      seen.push(
        `${one.attempt}.${one.seq} ${one.offsetBytes} ${one.atMs} ${(await segmentsOf(one)).map((part) => `${part.stream}:${part.bytes.toString("hex")}`).join()}`,
      );
    const last = chunks.at(-1);
    if (last === undefined || chunks.length < page) return seen;
    position = last;
  }
}

/** A day of jobs with several attempts, some with more output than one block holds. */
async function fillDay(day: number): Promise<{ workspace: WorkspaceId; id: JobId }[]> {
  await makePartitions(pool, day);
  const jobs = Array.from({ length: 12 }, (_, n) => ({ workspace: n % 3 === 0 ? two : one, id: idAt(day, n) }));
  for (const [n, { workspace, id }] of jobs.entries()) {
    const chunks: NewChunk[] = [];
    for (let attempt = 1; attempt <= 1 + (n % 3); attempt++) for (let seq = 0; seq < 5; seq++) chunks.push(chunk(workspace, id, attempt, seq));
    if (n === 4) for (let seq = 5; seq < 30; seq++) chunks.push(chunk(workspace, id, 2, seq, randomBytes(60_000)));
    await insertChunks(pool, chunks);
    await insertPastJob(pool, { workspace, id, doneAtMs: day });
  }
  return jobs;
}

const readEverything = (jobs: { workspace: WorkspaceId; id: JobId }[], page: number): Promise<string[][]> =>
  Promise.all(jobs.map((job) => readAll(job.workspace, job.id, page)));

test("output is the same from the table and from the packs, in pages of any size, and from any position on", async () => {
  const day = dayAgo(3);
  const jobs = await fillDay(day);
  const before = await readEverything(jobs, 64);
  expect(await compact({ packBytes: 500_000 })).toMatchObject({ packed: 12 * 5 + 12 * 5 + 25, late: [] });
  expect(await rowsOf(day)).toBe(0);
  expect((await pool.query("SELECT 1 FROM log_pack")).rowCount).toBe(3);
  for (const page of [64, 7, 1]) expect(await readEverything(jobs, page)).toEqual(before);
  const long = jobs[4];
  if (long === undefined) throw new Error("the job is there");
  expect(await readAll(long.workspace, long.id, 10, { attempt: 2, seq: 17 })).toEqual(before[4]?.slice(5 + 18));
  // A foreign workspace has nothing under the same id.
  expect(await readAll(long.workspace === one ? two : one, long.id, 64)).toEqual([]);
  expect(await compact()).toEqual({ packed: 0, late: [] });
});

test("days that are not old enough stay in the table", async () => {
  const day = dayAgo(1);
  await fillDay(day);
  const rows = await rowsOf(day);
  await compact();
  expect(await rowsOf(day)).toBe(rows);
});

test("output of a job that still runs stays in the table, grows on, and is packed after its end; what comes later is read in order", async () => {
  const day = dayAgo(6);
  const jobs = await fillDay(day);
  const runs = { workspace: one, id: idAt(day, 500) };
  await insertPastJob(pool, { ...runs, token: "5" });
  await insertChunks(
    pool,
    [0, 1, 2].map((seq) => chunk(one, runs.id, 1, seq)),
  );
  await compact();
  expect(await rowsOf(day)).toBe(3);
  await insertChunks(pool, [chunk(one, runs.id, 1, 3)]);
  await pool.query("DELETE FROM job_running WHERE id = $1", [runs.id]);
  await pool.query("UPDATE log_pack SET packed_at = packed_at - interval '2 days'");
  expect(await compact()).toMatchObject({ packed: 4 });
  // An agent that came back sends a chunk again, and one that is new.
  await insertChunks(pool, [chunk(one, runs.id, 1, 3), chunk(one, runs.id, 1, 4)]);
  expect((await readAll(one, runs.id, 2)).map((line) => line.split(" ")[0])).toEqual(["1.0", "1.1", "1.2", "1.3", "1.4"]);
  expect((await readEverything(jobs, 64)).every((lines) => lines.length >= 5)).toBe(true);
});

test("a chunk that arrives while its day is being packed is not lost: the round changes nothing, the next one takes it", async () => {
  const day = dayAgo(12);
  const jobs = await fillDay(day);
  const [first] = jobs;
  if (first === undefined) throw new Error("the job is there");
  const rows = await rowsOf(day);
  const late = {
    ...store,
    put: async (key: string, bytes: Uint8Array) => {
      await insertChunks(pool, [chunk(first.workspace, first.id, 9, 0)]);
      await store.put(key, bytes);
    },
  };
  expect((await compact({ store: late })).late).toEqual([day]);
  expect(await rowsOf(day)).toBe(rows + 1);
  expect(await compact()).toMatchObject({ packed: rows + 1, late: [] });
  expect((await readAll(first.workspace, first.id, 64)).at(-1)).toMatch(/^9\.0 /);
});

test("a crash after the packs were written and before the commit leaves the rows; readers see everything once", async () => {
  const day = dayAgo(18);
  const jobs = await fillDay(day);
  const before = await readEverything(jobs, 64);
  const crash = {
    ...store,
    get: async (key: string) => {
      await pool.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace/housekeeping' AND datname = current_database()",
      );
      return store.get(key);
    },
  };
  await expect(compact({ store: crash })).rejects.toThrow();
  expect((await store.list(`logs/v1/${new Date(day).toISOString().slice(0, 10)}/`, { limit: 10 })).length).toBeGreaterThan(0);
  expect(await readEverything(jobs, 64)).toEqual(before);
  await compact();
  expect(await rowsOf(day)).toBe(0);
  expect(await readEverything(jobs, 64)).toEqual(before);
});

test("a reader that begins before the packs and goes on after them misses nothing", async () => {
  const day = dayAgo(24);
  const jobs = await fillDay(day);
  const job = jobs[4];
  if (job === undefined) throw new Error("the job is there");
  const before = await readAll(job.workspace, job.id, 64);
  const read = createLogReader(pool, new PackReader(store), () => nowMs);
  const half = await read(job.workspace, job.id, LOG_START, 9);
  await compact();
  const rest = await readAll(job.workspace, job.id, 9, half.at(-1) ?? LOG_START);
  expect([...half.map((chunk) => `${chunk.attempt}.${chunk.seq}`), ...rest.map((line) => line.split(" ")[0])]).toEqual(
    before.map((line) => line.split(" ")[0]),
  );
});

test("following a job whose output was packed gives all of it and ends, also from where a reader had stopped", async () => {
  const day = dayAgo(34);
  const jobs = await fillDay(day);
  const job = jobs[4];
  if (job === undefined) throw new Error("the job is there");
  await compact();
  const read = createLogReader(pool, new PackReader(store), () => nowMs);
  const source = { live: new LiveLogs(), read, state: async () => ({ ended: true, attempt: 2, logChunks: 30 }) };
  for (const [from, count] of [
    [LOG_START, 35],
    [{ attempt: 2, seq: 20 }, 9],
  ] as const) {
    const seen: string[] = [];
    for await (const one of tailLog(source, job.workspace, job.id, from, AbortSignal.timeout(10_000))) seen.push(`${one.attempt}.${one.seq}`);
    expect(seen.length).toBe(count);
    expect(seen.at(-1)).toBe("2.29");
  }
});

test("packs go with the jobs of their day; with an archive they stay, and its manifest names them", async () => {
  const [day, kept] = [dayAgo(45), dayAgo(52)];
  const prefix = (of: number): string => `logs/v1/${new Date(of).toISOString().slice(0, 10)}/`;
  await fillDay(day);
  await fillDay(kept);
  await compact();
  expect((await store.list(prefix(day), { limit: 10 })).length).toBe(1);
  for (const [archived, retentionDays] of [
    [true, 50],
    [false, 40],
  ] as const) {
    await withExclusiveSession(database.url, "test", (session) =>
      runRetention(session, {
        nowMs,
        retentionMs: retentionDays * DAY_MS,
        archiver: undefined,
        forgetLogs: (of, dayMs) => forgetLogs(of, store, dayMs, archived),
        log,
      }),
    );
  }
  expect((await store.list(prefix(day), { limit: 10 })).length).toBe(0);
  expect((await store.list(prefix(kept), { limit: 10 })).length).toBe(1);
  expect((await pool.query("SELECT 1 FROM log_pack WHERE day <= $1::date", [new Date(day).toISOString().slice(0, 10)])).rowCount).toBe(0);
});
