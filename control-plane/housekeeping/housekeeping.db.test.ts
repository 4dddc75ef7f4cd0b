import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { noteView } from "../blobs/blob-view-store.ts";
import { openFolderBlobs } from "../blobs/folder-blobs.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { createLogReader } from "../logs/log-reader.ts";
import { PackReader } from "../logs/pack-reader.ts";
import { LOG_START } from "../logs/tail.ts";
import { createHousekeepingMetrics } from "../telemetry/housekeeping-metrics.ts";
import { readManifest } from "./archive-format.ts";
import { tasksOf } from "./housekeeping.ts";
import { DAY_MS, makePartitions, partitionName } from "./partition-store.ts";
import { PartitionMaker } from "./partitions.ts";
import { idAt, insertPastJob } from "./testing/past-days.ts";

const events: unknown[] = [];
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (fields: Record<string, unknown>) => events.push(fields["event"]) };
const folder = mkdtempSync(join(tmpdir(), "millrace-housekeeping-"));
const workspace = asWorkspaceId("1");
const registry = new Registry();
const metrics = createHousekeepingMetrics(registry);
let database: TestDatabase;
let pool: pg.Pool;
let maker: PartitionMaker;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  maker = new PartitionMaker(pool, realClock, log);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function run(name: string, store: BlobStore, signal = new AbortController().signal): Promise<boolean> {
  const options = { url: database.url, store, maker, clock: realClock, log, metrics, retentionDays: 30, archive: true, packAfterDays: 2 };
  const task = tasksOf(options).find((one) => one.name === name);
  if (task === undefined) throw new Error(`no task ${name}`);
  return task.run(signal);
}

async function metric(name: string): Promise<number> {
  const found = await registry.getSingleMetric(name)?.get();
  return found?.values[0]?.value ?? 0;
}

const day = (ago: number): number => Math.floor(Date.now() / DAY_MS) * DAY_MS - ago * DAY_MS;
const rowsOf = async (table: string): Promise<number> =>
  (await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`)).rows[0]?.count ?? -1;

test("a day's life: made, packed, archived with its packs, gone", async () => {
  const store = openFolderBlobs(join(folder, "one"));
  await noteView(pool, "a", store);
  expect(await run("partitions", store)).toBe(true);
  expect(maker.aheadDays()).toBeGreaterThan(4);
  const old = day(33);
  await makePartitions(pool, old);
  const id = idAt(old, 1);
  await insertPastJob(pool, { workspace, id, doneAtMs: old, chunks: 3 });
  await maker.look();
  expect(maker.packLagDays(2 * DAY_MS)).toBeGreaterThan(33);
  expect(await run("packing", store)).toBe(true);
  await maker.look();
  expect(maker.packLagDays(2 * DAY_MS)).toBe(0);
  expect([await rowsOf(partitionName("job_log", old)), await metric("millrace_packed_chunks_total")]).toEqual([0, 3]);
  const read = createLogReader(pool, new PackReader(store), () => Date.now());
  expect((await read(workspace, id, LOG_START, 10)).map((chunk) => chunk.data.toString())).toEqual([0, 1, 2].map((seq) => `${id} ${seq}\n`));
  expect(await run("retention", store)).toBe(true);
  const text = new Date(old).toISOString().slice(0, 10);
  const manifest = await readManifest(store, `archive/v1/job_log/${text}/part-1.manifest.json`);
  expect(manifest.packs).toEqual([expect.stringMatching(`^logs/v1/${text}/[0-9a-f]{12}-00001.pack$`)]);
  expect((await store.head(manifest.packs[0] ?? ""))?.sizeBytes).toBeGreaterThan(0);
  expect(await metric("millrace_archived_rows_total")).toBe(2);
  expect(await metric("millrace_partitions_dropped_total")).toBeGreaterThanOrEqual(3);
  expect(events).toEqual([]);
});

test("while replicas see different stores nothing is moved or let go, and it is said; when they agree again it goes on", async () => {
  const [ours, theirs] = [openFolderBlobs(join(folder, "one")), openFolderBlobs(join(folder, "two"))];
  const old = day(40);
  await makePartitions(pool, old);
  await insertPastJob(pool, { workspace, id: idAt(old, 1), doneAtMs: old, chunks: 1 });
  await noteView(pool, "b", theirs);
  await run("packing", ours);
  await run("retention", ours);
  expect(events).toEqual(["blobs.not_shared", "blobs.not_shared"]);
  expect([await rowsOf(partitionName("job_log", old)), await rowsOf(partitionName("job", old))]).toEqual([1, 1]);
  await noteView(pool, "b", ours);
  await run("packing", ours);
  expect(await rowsOf(partitionName("job_log", old))).toBe(0);
});

test("a task that is told to stop in the middle stops, and leaves the day as it was", async () => {
  const store = openFolderBlobs(join(folder, "one"));
  const stop = new AbortController();
  const stopping: BlobStore = {
    ...store,
    put: async (key, bytes) => {
      stop.abort();
      await store.put(key, bytes);
    },
  };
  await expect(run("retention", stopping, stop.signal)).rejects.toThrow();
  expect(await rowsOf(partitionName("job", day(40)))).toBe(1);
  expect(await run("retention", store)).toBe(true);
  await expect(rowsOf(partitionName("job", day(40)))).rejects.toThrow(/does not exist/);
});
