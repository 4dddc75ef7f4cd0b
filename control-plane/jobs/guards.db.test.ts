import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator, type JobId, type Token } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import { joinCluster, type Lease } from "../scheduler/lease-store.ts";
import { encodeFlush } from "./flush-codec.ts";
import { type FlushOperation, laneOf, shardOf } from "./model.ts";
import { flushStatement, markCancelledStatement } from "./statements.ts";

/** The fences that are written in SQL: with each the flush does no harm, without it the same flush does. What TypeScript guards, the simulation shows. */
const workspace = asWorkspaceId("1");
const agent = asAgentKey("1");
const lane = laneOf(shardOf(workspace));
const newId = createJobIdGenerator(() => Date.now());
const payload = { kind: "inline", scriptHash: undefined, code: "echo", argsJson: "{}", createdBy: "test" } as const;

let database: TestDatabase;
let pool: pg.Pool;
let client: pg.Client;
let lease: Lease;
let tokens = 0;
const newToken = (): Token => {
  tokens += 1;
  return asToken(String(tokens));
};

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await makePartitions(pool, Date.now());
  lease = await joinCluster(pool, { name: "guards", address: "", version: "" });
  for (const epoch of [lease.epoch, lease.epoch - 1])
    await pool.query("INSERT INTO flush_progress (epoch, connection, seq, gone) VALUES ($1, 0, 0, '{}')", [epoch]);
});

afterAll(async () => {
  await client.end();
  await pool.end();
  await database.drop();
});

const job = (): WaitingJob => ({
  ...{ id: newId(), workspace, shard: shardOf(workspace), tag: "default", language: "bash", prio: 4, dueAtMs: Date.now() },
  ...{ attempt: 0, lost: 0, scriptId: undefined, timeoutMs: undefined },
});

const insert = (of: WaitingJob, token?: Token): FlushOperation => ({
  kind: "insert",
  job: of,
  payload,
  direct: token === undefined ? undefined : { token, agent },
});

function operation(kind: "claim" | "finish" | "requeue" | "cancel", of: WaitingJob, token: Token): FlushOperation {
  const exit = exitOf("succeeded");
  const times = { startedAtMs: 1, doneAtMs: Date.now(), runUs: 5, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  if (kind === "claim") return { kind, job: of, token, agent };
  if (kind === "finish") return { kind, job: of, end: { id: of.id, workspace, token, exit, resultJson: "1", ...times } };
  return kind === "requeue" ? { kind, job: of, token } : { kind, job: of, doneAtMs: Date.now(), exit, resultJson: "{}" };
}

/** Where a job is after the operations, run under an epoch by a statement with some of its text replaced. Nothing is kept. */
async function placeAfter(id: JobId, operations: readonly FlushOperation[], epoch: number, edit?: readonly [string, string]): Promise<string> {
  const { families, values } = encodeFlush(operations);
  const text = flushStatement(lane, families);
  if (edit !== undefined && text.split(edit[0]).length < 2) throw new Error(`the statement has no ${edit[0]}`);
  await client.query("BEGIN");
  try {
    await client.query(edit === undefined ? text : text.replaceAll(edit[0], edit[1]), [lease.replicaId, epoch, 0, 1, ...values]);
    return await placesOf(id);
  } finally {
    await client.query("ROLLBACK");
  }
}

async function placesOf(id: JobId): Promise<string> {
  const { rows } = await client.query<{ place: string }>(
    "SELECT 'pending' AS place FROM job_pending WHERE id = $1 UNION ALL SELECT 'running' FROM job_running WHERE id = $1 UNION ALL SELECT 'done' FROM job_done WHERE id = $1 ORDER BY 1",
    [id],
  );
  return rows.map((row) => row.place).join(" ");
}

/** Commits a row to work on. */
async function given(of: WaitingJob, token?: Token): Promise<void> {
  const { families, values } = encodeFlush([insert(of, token)]);
  await client.query(flushStatement(lane, families), [lease.replicaId, lease.epoch, 0, 1, ...values]);
}

const EPOCH = ["epoch = $2 FOR SHARE", "epoch >= $2 FOR SHARE"] as const;

describe("an owner of an earlier epoch", () => {
  test.each(["claim", "finish", "requeue", "cancel"] as const)("moves nothing by %s", async (kind) => {
    const of = job();
    const token = newToken();
    const runs = kind === "finish" || kind === "requeue";
    await given(of, runs ? token : undefined);
    const before = runs ? "running" : "pending";
    const operations = [operation(kind, of, token)];
    expect(await placeAfter(of.id, operations, lease.epoch - 1)).toBe(before);
    expect(await placeAfter(of.id, operations, lease.epoch - 1, EPOCH)).not.toBe(before);
    // The fence of the family itself: without it the epoch is checked for nothing.
    const family = /AND EXISTS \(SELECT 1 FROM own\)\s+RETURNING/.exec(flushStatement(lane, [kind]))?.[0] ?? "";
    expect(await placeAfter(of.id, operations, lease.epoch - 1, [family, "RETURNING"])).not.toBe(before);
  });

  test.each(["direct", "pending"] as const)("inserts nothing as %s", async (kind) => {
    const of = job();
    const operations = [insert(of, kind === "direct" ? newToken() : undefined)];
    expect(await placeAfter(of.id, operations, lease.epoch - 1)).toBe("");
    expect(await placeAfter(of.id, operations, lease.epoch - 1, EPOCH)).not.toBe("");
    expect(await placeAfter(of.id, operations, lease.epoch - 1, ["WHERE EXISTS (SELECT 1 FROM own)", ""])).not.toBe("");
  });
});

test("the note of a cancel is written only while the lease is ours; without the fence a replaced owner writes one too", async () => {
  const of = job();
  const token = newToken();
  await given(of, token);
  const noteAfter = async (epoch: number, edit: readonly [string, string] = ["", ""]): Promise<unknown[]> => {
    await client.query("BEGIN");
    try {
      const text = markCancelledStatement(lane).replace(...edit);
      const { rows } = await client.query(text, [of.id, workspace, of.shard, token, "enough", lease.replicaId, epoch]);
      const noted = await client.query<{ cancel_reason: string | null }>("SELECT cancel_reason FROM job_running WHERE id = $1", [of.id]);
      return [...rows, noted.rows[0]?.cancel_reason];
    } finally {
      await client.query("ROLLBACK");
    }
  };
  expect(await noteAfter(lease.epoch)).toEqual([{ ours: true }, "enough"]);
  expect(await noteAfter(lease.epoch - 1)).toEqual([{ ours: false }, null]);
  expect(await noteAfter(lease.epoch - 1, [" AND EXISTS (SELECT 1 FROM own)", ""])).toEqual([{ ours: false }, "enough"]);
});

describe("a stale token", () => {
  test.each(["finish", "requeue"] as const)("moves nothing by %s", async (kind) => {
    const of = job();
    await given(of, newToken());
    const operations = [operation(kind, of, newToken())];
    expect(await placeAfter(of.id, operations, lease.epoch)).toBe("running");
    const fence = /AND token = ANY\(\$\d+::bigint\[\]\)/.exec(flushStatement(lane, [kind]))?.[0] ?? "";
    expect(await placeAfter(of.id, operations, lease.epoch, [fence, ""])).not.toBe("running");
  });
});

test("a take-over waits for a flush that is under way; without its lock on the lease it would not", async () => {
  const { families, values } = encodeFlush([insert(job())]);
  const takeOver = async (text: string): Promise<string> => {
    await client.query("BEGIN");
    await client.query(text, [lease.replicaId, lease.epoch, 0, 1, ...values]);
    const other = await pool.connect();
    try {
      await other.query("BEGIN; SET LOCAL lock_timeout = '200ms'");
      await other.query("UPDATE replica_lease SET epoch = epoch + 1 WHERE replica_id = $1", [lease.replicaId]);
      return "went ahead";
    } catch (error) {
      return error instanceof pg.DatabaseError && error.code === "55P03" ? "waited" : String(error);
    } finally {
      await other.query("ROLLBACK");
      other.release();
      await client.query("ROLLBACK");
    }
  };
  const text = flushStatement(lane, families);
  expect(await takeOver(text)).toBe("waited");
  expect(await takeOver(text.replace(" FOR SHARE", ""))).toBe("went ahead");
});
