import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId } from "../../kernel/ids.ts";
import { type Session, withExclusiveSession } from "../db/session.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { FlushWriter } from "../jobs/flush-writer.ts";
import { readArgs, readJob, readResult } from "../jobs/job-store.ts";
import type { FlushOperation, FlushOutcome } from "../jobs/model.ts";
import { shardOf } from "../jobs/model.ts";
import { stepPolicy } from "../jobs/policy-codec.ts";
import { joinCluster } from "../scheduler/lease-store.ts";
import { createOwnerStore } from "../scheduler/owner-store.ts";
import { listChildren } from "./partition-drop-store.ts";
import { DAY_MS, makePartitions, PARENTS, partitionName } from "./partition-store.ts";
import { type RetentionOptions, type RetentionOutcome, runRetention } from "./retention.ts";
import { idAt, insertPastJob } from "./testing/past-days.ts";

const nowMs = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;
const retentionMs = 30 * DAY_MS;
const dayAgo = (days: number): number => Math.floor(nowMs / DAY_MS) * DAY_MS - days * DAY_MS;
const ours = asWorkspaceId("1");
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let database: TestDatabase;
let pool: pg.Pool;
let writer: FlushWriter;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await makePartitions(pool, Date.now());
  const lease = await joinCluster(pool, { name: "test", address: "", version: "" });
  writer = new FlushWriter({ url: database.url, ...lease, connections: 2, log, metrics: { flushed: () => undefined }, onLeaseLost: () => undefined });
  await writer.start();
});
afterAll(async () => {
  await writer.stop();
  await pool.end();
  await database.drop();
});

async function inSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const result = await withExclusiveSession(database.url, "test", work);
  if (result === undefined) throw new Error("the lock must be free");
  return result;
}

function retain(options: Partial<RetentionOptions> = {}): Promise<RetentionOutcome> {
  return inSession((session) => runRetention(session, { nowMs, retentionMs, archiver: undefined, forgetLogs: async () => undefined, log, ...options }));
}

const childrenOf = async (day: number): Promise<string[]> =>
  (await inSession(listChildren)).filter((child) => child.dayMs === day && child.state === "attached").map((child) => child.parent);

async function rowsOf(child: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${child}`);
  return rows[0]?.count ?? -1;
}

const submit = (operation: FlushOperation): Promise<FlushOutcome> => new Promise((resolve, reject) => writer.submit(operation, resolve, reject));

/** A whole life of a fresh job, through the hot path. */
let sequence = 0;
async function flushOne(): Promise<void> {
  sequence += 1;
  const id = idAt(Date.now(), 1_000_000 + sequence);
  const token = asToken(String(sequence));
  const job = {
    id,
    workspace: ours,
    shard: shardOf(ours),
    tag: "default",
    language: "bash",
    prio: 4,
    dueAtMs: nowMs,
    attempt: 0,
    lost: 0,
    scriptId: undefined,
    timeoutMs: undefined,
  };
  const payload = { kind: "inline", scriptHash: undefined, code: "", argsJson: "{}", createdBy: "test" } as const;
  await submit({ kind: "insert", job, payload, direct: { token, agent: asAgentKey("1") } });
  expect(await submit(finish(id, token))).toBe("moved");
}

function finish(id: ReturnType<typeof idAt>, token: ReturnType<typeof asToken>): FlushOperation {
  const end = {
    id,
    workspace: ours,
    token,
    exit: exitOf("succeeded"),
    resultJson: '"late"',
    startedAtMs: nowMs,
    doneAtMs: nowMs,
    runUs: 5,
    logChunks: 0,
    logBytes: 0,
    logDroppedBytes: 0,
  };
  return { kind: "finish", job: { ...end, shard: shardOf(ours) } as never, end };
}

describe("a day that is older than the retention", () => {
  test("is dropped whole, in every table; the day after it stays", async () => {
    await makePartitions(pool, dayAgo(31));
    for (const day of [dayAgo(31), dayAgo(30)])
      for (let n = 0; n < 5; n++) await insertPastJob(pool, { workspace: ours, id: idAt(day, n), doneAtMs: day + 60_000, chunks: 2 });
    expect(await retain()).toEqual({ dropped: 18, thinned: 0, held: 0 });
    expect([await childrenOf(dayAgo(31)), await childrenOf(dayAgo(32))]).toEqual([[], []]);
    expect((await childrenOf(dayAgo(30))).sort()).toEqual([
      "flow_event",
      "flow_item",
      "job",
      "job_attempt",
      "job_checkpoint",
      "job_done",
      "job_key",
      "job_log",
      "job_progress",
    ]);
    expect(await readJob(pool, ours, idAt(dayAgo(31), 1))).toBeUndefined();
    expect(await readJob(pool, ours, idAt(dayAgo(30), 1))).toMatchObject({ status: "succeeded" });
    expect(await retain()).toEqual({ dropped: 0, thinned: 0, held: 0 });
  });

  test("keeps the jobs that are not over and those that ended a short time ago, and nothing else, until they are old too", async () => {
    const day = dayAgo(90);
    await makePartitions(pool, day);
    const [waits, runs, late, old] = [idAt(day, 1), idAt(day, 2), idAt(day, 3), idAt(day, 4)];
    await insertPastJob(pool, { workspace: ours, id: waits });
    await insertPastJob(pool, { workspace: ours, id: runs, token: "77", chunks: 3 });
    await insertPastJob(pool, { workspace: ours, id: late, doneAtMs: nowMs - DAY_MS, chunks: 1 });
    for (let n = 4; n < 500; n++) await insertPastJob(pool, { workspace: ours, id: idAt(day, n), doneAtMs: day + 1000, chunks: n % 2 });
    await retain();
    expect(await Promise.all(["job", "job_done", "job_log"].map((parent) => rowsOf(partitionName(parent, day))))).toEqual([3, 1, 4]);
    expect(await readJob(pool, ours, waits)).toMatchObject({ status: "queued" });
    expect(await readArgs(pool, ours, waits)).toBe(`{"of":"${waits}"}`);
    expect(await readJob(pool, ours, late)).toMatchObject({ status: "succeeded" });
    expect(await readJob(pool, ours, old)).toBeUndefined();
    const payloads = await createOwnerStore(pool, { replicaId: "1", epoch: 1 }).payloads([{ id: waits, workspace: ours }] as never);
    expect(payloads.get(waits)?.argsJson).toBe(`{"of":"${waits}"}`);

    // It ends months after its creation, through the hot statement, and is found where it always was.
    expect(await submit(finish(runs, asToken("77")))).toBe("moved");
    expect(await readResult(pool, ours, runs)).toBe('"late"');
    expect(await retain()).toEqual({ dropped: 0, thinned: 0, held: 0 });
    await pool.query("DELETE FROM job_pending WHERE id = $1", [waits]);
    expect(await retain()).toEqual({ dropped: 0, thinned: 0, held: 0 });
    expect((await childrenOf(day)).length).toBe(9);
    await pool.query("UPDATE job_done SET done_at = done_at - interval '31 days' WHERE id = ANY($1::uuid[])", [[runs, late]]);
    expect(await retain()).toEqual({ dropped: 9, thinned: 0, held: 0 });
    expect(await childrenOf(day)).toEqual([]);
  });

  test("keeps what a running flow may need: its events and items, and its steps with their results, however long ago they ended", async () => {
    const day = dayAgo(120);
    await makePartitions(pool, day);
    const [living, over] = [idAt(day, 1), idAt(day, 2)];
    const [ofLiving, ofOver] = [idAt(day, 3), idAt(day, 4)];
    await insertPastJob(pool, { workspace: ours, id: living, token: "78" });
    await pool.query("UPDATE job_running SET language = 'flow', agent_key = 0 WHERE id = $1", [living]);
    await insertPastJob(pool, { workspace: ours, id: over, doneAtMs: day + 2000 });
    for (const [step, flow] of [
      [ofLiving, living],
      [ofOver, over],
    ] as const) {
      await insertPastJob(pool, { workspace: ours, id: step, doneAtMs: day + 1000, chunks: 1 });
      const { text } = stepPolicy({ id: flow, root: flow, place: "a" }, undefined);
      await pool.query("UPDATE job SET kind = 4, policy = $2 WHERE id = $1", [step, text]);
      await pool.query("INSERT INTO flow_event (workspace_id, id, seq, at, events) VALUES ($1, $2, 1, now(), '[]')", [ours, flow]);
      await pool.query("INSERT INTO flow_item (workspace_id, id, place, part, index, value) VALUES ($1, $2, 'a', 1, 0, '1')", [ours, flow]);
    }
    await retain();
    expect(await readResult(pool, ours, ofLiving)).toBe('{"n":1}');
    expect([await readJob(pool, ours, ofOver), await readJob(pool, ours, over)]).toEqual([undefined, undefined]);
    expect(await Promise.all(["job", "flow_event", "flow_item"].map((parent) => rowsOf(partitionName(parent, day))))).toEqual([2, 1, 1]);
    // When it is over, they go.
    await pool.query("DELETE FROM job_running WHERE id = $1", [living]);
    expect(await retain()).toMatchObject({ dropped: PARENTS.length });
  });
});

describe("the hot path", () => {
  test("goes on while a drop waits for an old snapshot, and new statements do not wait behind it", async () => {
    const day = dayAgo(60);
    await makePartitions(pool, day);
    await insertPastJob(pool, { workspace: ours, id: idAt(day, 1), doneAtMs: day });
    const held = await pool.connect();
    await held.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await held.query("SELECT count(*) FROM job");
    await held.query("SELECT count(*) FROM job_log");
    const retained = retain();
    await until(async () => (await inSessionless(listChildren)).some((child) => child.state === "pending"));
    for (let n = 0; n < 20; n++) await flushOne();
    // Who began before sees the day; who comes now does not.
    expect((await held.query("SELECT 1 FROM job WHERE id = $1", [idAt(day, 1)])).rowCount).toBe(1);
    await held.query("COMMIT");
    held.release();
    expect((await retained).held).toBe(0);
    expect(await childrenOf(day)).toEqual([]);
  });

  test("goes on while a day is thinned that others still read: the lock is not waited for longer than a moment, and had in the end", async () => {
    const day = dayAgo(61);
    await makePartitions(pool, day);
    await insertPastJob(pool, { workspace: ours, id: idAt(day, 1) });
    await insertPastJob(pool, { workspace: ours, id: idAt(day, 2), doneAtMs: day });
    const reader = await pool.connect();
    await reader.query("BEGIN");
    await reader.query(`SELECT 1 FROM ${partitionName("job_log", day)}`);
    const retained = retain();
    const waiting = new pg.Client({ connectionString: database.url, options: "-c statement_timeout=2s" });
    await waiting.connect();
    for (let n = 0; n < 20; n++) {
      await flushOne();
      await waiting.query("SELECT count(*) FROM job_log");
    }
    expect(await rowsOf(partitionName("job", day))).toBe(2);
    await reader.query("COMMIT");
    reader.release();
    await retained;
    await waiting.end();
    expect(await rowsOf(partitionName("job", day))).toBe(1);
    await pool.query("DELETE FROM job_pending WHERE id = $1", [idAt(day, 1)]);
  });
});

describe("after a crash", () => {
  test("a detach that was broken off half-way is finished; a table that somebody else took out is left alone", async () => {
    const day = dayAgo(70);
    await makePartitions(pool, day);
    await insertPastJob(pool, { workspace: ours, id: idAt(day, 1), doneAtMs: day });
    const theirs = partitionName("job", day + DAY_MS);
    await pool.query(`ALTER TABLE job DETACH PARTITION ${theirs}`);
    const held = await pool.connect();
    await held.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await held.query("SELECT count(*) FROM job_log");
    const broken = expect(retain()).rejects.toThrow();
    await until(async () => (await inSessionless(listChildren)).some((child) => child.state === "pending"));
    await pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace/housekeeping' AND datname = current_database()",
    );
    await broken;
    await held.query("COMMIT");
    held.release();
    expect(await rowsOf(partitionName("job_log", day))).toBe(0);
    await retain();
    expect(await childrenOf(day)).toEqual([]);
    expect((await inSession(listChildren)).filter((child) => child.state !== "attached").map((child) => child.name)).toEqual([theirs]);
  });

  test("of two rounds at a time only one works", async () => {
    const seen = await inSession(async () => [await withExclusiveSession(database.url, "test", async () => "both")]);
    expect(seen).toEqual([undefined]);
  });
});

async function inSessionless<T>(work: (session: Pick<Session, "query">) => Promise<T>): Promise<T> {
  return work({ query: (text, values) => pool.query(text, values === undefined ? undefined : [...values]) });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("it did not happen within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
