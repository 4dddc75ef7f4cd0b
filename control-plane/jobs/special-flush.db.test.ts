import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";
import { MIGRATIONS_FOLDER, migrate } from "../db/migrate.ts";
import { OWNER_SETTINGS } from "../db/pools.ts";
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from "../db/test-database.ts";
import { lowestId } from "../housekeeping/partition-store.ts";
import type { JobLimits } from "../scheduler/core/limit-model.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import { FORMS } from "./family-sql.ts";
import { encodeFlush } from "./flush-codec.ts";
import { jobKey } from "./idempotency-key.ts";
import { type FlushOperation, LANES, laneOf, SHARDS, shardOf } from "./model.ts";
import { policyOf } from "./policy-codec.ts";
import { deferredStatement, expiringStatement, FAMILIES, flushStatement, HOT_SETTINGS, refillStatement } from "./statements.ts";

const workspace = asWorkspaceId("1");
const lane = laneOf(shardOf(workspace));
const newId = createJobIdGenerator(() => Date.now());
const payload = { kind: "inline", scriptHash: undefined, code: "echo", argsJson: "{}", createdBy: "test" } as const;
const COUNT = 50;

let now: TestDatabase;
let before: TestDatabase;
let folder: string;
beforeAll(async () => {
  now = await createTestDatabase();
  before = await createEmptyTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "millrace-before-"));
  for (const file of readdirSync(MIGRATIONS_FOLDER)) if (/^000[1-4]_/.test(file)) cpSync(join(MIGRATIONS_FOLDER, file), join(folder, file));
  await migrate(before.url, { folder });
});
afterAll(async () => {
  await now.drop();
  await before.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function connected<T>(url: string, options: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, options });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function waiting(fields: Partial<WaitingJob> = {}): WaitingJob {
  const base = { tag: "default", language: "bash", prio: 4, dueAtMs: Date.now(), attempt: 0, lost: 0, scriptId: undefined, timeoutMs: undefined };
  return { id: newId(), workspace, shard: shardOf(workspace), ...base, ...fields };
}

/** Two flushes of jobs without any of the special things: what begins, and its end. */
function plainFlushes(): [FlushOperation[], FlushOperation[]] {
  const direct = Array.from({ length: COUNT }, (_, at) => ({ job: waiting(), token: asToken(String(at + 1)) }));
  const pending = Array.from({ length: COUNT }, () => waiting());
  const times = { startedAtMs: Date.now(), doneAtMs: Date.now(), runUs: 5, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  return [
    [
      ...direct.map(({ job, token }): FlushOperation => ({ kind: "insert", job, payload, direct: { token, agent: asAgentKey("1") } })),
      ...pending.map((job): FlushOperation => ({ kind: "insert", job, payload, direct: undefined })),
    ],
    direct.map(
      ({ job, token }): FlushOperation => ({
        kind: "finish",
        job,
        end: { id: job.id, workspace, token, exit: exitOf("succeeded"), resultJson: "1", ...times },
      }),
    ),
  ];
}

interface PlanNode {
  Plans?: PlanNode[];
  "WAL Records"?: number;
  "WAL Bytes"?: number;
  "WAL FPI"?: number;
}

/** WAL of a plan, each node with those below it. */
function walOf(node: PlanNode): { records: number; bytes: number; images: number } {
  const own = { records: node["WAL Records"] ?? 0, bytes: node["WAL Bytes"] ?? 0, images: node["WAL FPI"] ?? 0 };
  for (const below of node.Plans ?? []) {
    const { records, bytes, images } = walOf(below);
    own.records += records;
    own.bytes += bytes;
    own.images += images;
  }
  return own;
}

interface Measured {
  readonly plan: string;
  readonly records: number;
  readonly bytes: number;
}

/** Plan and WAL of flushes of plain jobs; rounds in which whole pages were logged, as after a checkpoint, do not count. */
async function measure(url: string): Promise<Measured[]> {
  return connected(url, HOT_SETTINGS, async (client) => {
    await client.query("INSERT INTO replica_lease (name, boot_id, epoch, address, version, expires_at) VALUES ('t', gen_random_uuid(), 1, '', '', now())");
    await client.query("INSERT INTO flush_progress VALUES (1, 0, 0, '{}')");
    for (const parent of ["job", "job_done"]) {
      const [from, to] = [lowestId(Date.now() - 864e5), lowestId(Date.now() + 864e5)];
      await client.query(`CREATE TABLE ${parent}_all PARTITION OF ${parent} FOR VALUES FROM ('${from}') TO ('${to}')`);
    }
    for (let round = 0; round < 20; round++) {
      const measured: Measured[] = [];
      let images = 0;
      for (const operations of plainFlushes()) {
        const { families, form, values } = encodeFlush(operations);
        const text = flushStatement(lane, families, form);
        const all = ["1", 1, 0, 1, ...values];
        const explained = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(`EXPLAIN (ANALYZE, WAL, FORMAT JSON) ${text}`, all);
        const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN (COSTS OFF) ${text}`, all);
        const node = explained.rows[0]?.["QUERY PLAN"][0].Plan;
        if (node === undefined) throw new Error("a plan is missing");
        const wal = walOf(node);
        images += wal.images;
        measured.push({ plan: rows.map((row) => row["QUERY PLAN"]).join("\n"), records: wal.records, bytes: wal.bytes });
      }
      if (images === 0 && round > 2) return measured;
    }
    throw new Error("every round logged whole pages");
  });
}

describe("jobs without anything special", () => {
  test("are written by the same plans and the same WAL as before these things were there", async () => {
    const [old, current] = [await measure(before.url), await measure(now.url)];
    expect(old.map((flush) => flush.records)).toEqual([expect.any(Number), expect.any(Number)]);
    for (const flush of old) expect(flush.records).toBeGreaterThan(COUNT);
    for (const [at, flush] of current.entries()) {
      expect(flush.plan.replaceAll(/'[^']*'/g, "?")).toBe(old[at]?.plan.replaceAll(/'[^']*'/g, "?"));
      // A page that splits at another moment is a handful of records.
      expect(Math.abs(flush.records - (old[at]?.records ?? 0))).toBeLessThanOrEqual(12);
      expect(Math.abs(flush.bytes - (old[at]?.bytes ?? 0)) / (old[at]?.bytes ?? 1)).toBeLessThan(0.03);
    }
  });

  test("do not name the families of special and limited jobs", () => {
    const families = plainFlushes().map((operations) => encodeFlush(operations).families);
    expect(families).toEqual([["direct", "pending"], ["finish"]]);
    for (const family of families.flat())
      for (const form of FORMS) expect(flushStatement(0, [family], form)).not.toMatch(/policy|scheduled|expires|job_key|job_attempt|limits/);
  });
});

describe("special jobs", () => {
  test("are told apart by any of: policy, moment, expiry, key", () => {
    const special = { scheduledForMs: undefined, expiresAtMs: undefined, key: undefined };
    const insert = (job: WaitingJob, more: Partial<Extract<FlushOperation, { kind: "insert" }>> = {}): FlushOperation => ({
      kind: "insert",
      job,
      payload,
      direct: undefined,
      ...more,
    });
    const token = asToken("1");
    const limits: JobLimits = { group: "7", specs: [] };
    const operations = [
      insert(waiting({ policy: policyOf({ soft_timeout_ms: 100 }, undefined) })),
      insert(waiting(), { special: { ...special, scheduledForMs: 1 } }),
      insert(waiting(), { special: { ...special, key: jobKey("run", "k", 0, "", 1) }, direct: { token, agent: asAgentKey("1") } }),
      insert(waiting({ limits })),
      insert(waiting({ limits }), { special: { ...special, scheduledForMs: 1 } }),
      insert(waiting({ limits }), { direct: { token, agent: asAgentKey("1") } }),
    ];
    expect(operations.map((operation) => encodeFlush([operation]).families)).toEqual([
      ["special_pending"],
      ["special_pending"],
      ["special_direct"],
      ["limited_pending"],
      ["special_pending"],
      ["limited_direct"],
    ]);
  });

  test("their reads walk their own indexes, in order, and few relations", async () => {
    await connected(now.url, OWNER_SETTINGS, async (client) => {
      const explain = async (text: string, values: unknown[]): Promise<string> =>
        (await client.query<{ "QUERY PLAN": string }>(`EXPLAIN (COSTS OFF) ${text}`, values)).rows.map((row) => row["QUERY PLAN"]).join("\n");
      for (let of = 0; of < LANES; of++) {
        const shards = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => laneOf(shard) === of);
        const first = [0, "00000000-0000-0000-0000-000000000000", Date.now(), 100, shards];
        const deferred = await explain(deferredStatement(of), first);
        expect(deferred).toMatch(new RegExp(`Index Scan using job_pending_${of}_due_at_id_idx`));
        expect(deferred).not.toMatch(/Sort/);
        const expiring = await explain(expiringStatement(of), first);
        expect(expiring).toMatch(new RegExp(`Index Scan using job_pending_${of}_expires_at_id_idx`));
        expect(expiring).not.toMatch(/Sort/);
        const refill = await explain(refillStatement(of), ["1", "default", "bash", -32768, 0, "00000000-0000-0000-0000-000000000000", 100, "0", Date.now()]);
        expect(refill.match(/Index Scan using job_pending_\d_workspace_id_tag_language_ckey_\w*idx1?/g)).toHaveLength(2);
      }
    });
  });

  // Families know of each other by twos: what two of them make of a statement, and what is missed when two are not there.
  test("any two families of a flush, and all but any two, are statements that the database takes", async () => {
    const pairs = FAMILIES.flatMap((one, at) => FAMILIES.slice(at).map((other) => [one, other]));
    await connected(now.url, HOT_SETTINGS, async (client) => {
      for (const pair of pairs)
        for (const form of FORMS)
          for (const isThere of [true, false]) {
            const families = FAMILIES.filter((family) => pair.includes(family) === isThere);
            await client.query(`PREPARE s AS ${flushStatement(0, families, form)}`);
            await client.query("DEALLOCATE s");
          }
    });
  });
});
