import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import type { JobLimits } from "../scheduler/core/limit-model.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import { joinCluster, type Lease } from "../scheduler/lease-store.ts";
import type { EventNote } from "./event-notes.ts";
import { FORMS, type Form } from "./family-sql.ts";
import { type EncodedFlush, encodeFlush } from "./flush-codec.ts";
import { type FlushOperation, type JobEnd, laneOf, shardOf, type WindowRecord } from "./model.ts";
import { FAMILIES, type Family, flushStatement, HOT_SETTINGS, IS_RECORDED, PAYLOADS, refillStatement } from "./statements.ts";

/**
 * What the hot statements cost beyond their work: which way they find rows, and how many relations they lock. The bounds hold whatever
 * the statistics say, since those of the hot tables are always wrong.
 */
const DAY_MS = 24 * 60 * 60 * 1000;
const DAYS = 40;
const WORKSPACE = asWorkspaceId("1");
const LANE = laneOf(shardOf(WORKSPACE));
const newId = createJobIdGenerator(() => Date.now());
/** Settings of the pool that the owner reads with; see db/pools.ts. */
const OWNER_SETTINGS = "-c plan_cache_mode=force_custom_plan -c jit=off";

let database: TestDatabase;
let pool: pg.Pool;
let hot: pg.Client;
let owner: pg.Client;
let lease: Lease;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  // A month of history behind today, and the days ahead: partitions that a plan must not open.
  for (let day = DAYS; day >= 0; day -= 5) await makePartitions(pool, Date.now() - day * DAY_MS);
  await pool.query("INSERT INTO workspace (name) VALUES ('one')");
  lease = await joinCluster(pool, { name: "plans", address: "", version: "" });
  await pool.query("INSERT INTO flush_progress (epoch, connection, seq, gone) VALUES ($1, 0, 0, '{}')", [lease.epoch]);
  hot = await connect(HOT_SETTINGS);
  owner = await connect(OWNER_SETTINGS);
}, 60_000);

afterAll(async () => {
  await hot.end();
  await owner.end();
  await pool.end();
  await database.drop();
});

async function connect(options: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, options });
  await client.connect();
  return client;
}

function waiting(): WaitingJob {
  const shard = shardOf(WORKSPACE);
  const fixed = { shard, tag: "default", language: "bash", prio: 4, attempt: 0, lost: 0, scriptId: undefined, timeoutMs: undefined };
  return { id: newId(), workspace: WORKSPACE, dueAtMs: Date.now(), ...fixed };
}

const payload = { kind: "inline", scriptHash: undefined, code: "echo", argsJson: "{}", createdBy: "test" } as const;
const token = asToken("9000001");
const agent = asAgentKey("1");
const uuid = "00000000-0000-4000-8000-000000000001";
const special = { scheduledForMs: 1, expiresAtMs: Date.now(), key: { key: uuid, body: uuid, expiresAtMs: Date.now() } } as const;

const limits: JobLimits = { group: "7", specs: [{ kind: "running", id: "71", key: "k", strategy: "queue", max: 1 }] };
const windowOf = ({ workspace }: WaitingJob): WindowRecord => {
  return { workspace, id: "72", starts: 3, windowMs: 60_000, agesMs: [1], tatInMs: undefined, token, keepMs: 60_000 };
};

function endOf(job: WaitingJob): JobEnd {
  const times = { startedAtMs: 1, doneAtMs: Date.now(), runUs: 5, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  return { id: job.id, workspace: WORKSPACE, token, exit: exitOf("succeeded"), resultJson: "1", ...times };
}

function operationOf(family: Exclude<Family, "note">): FlushOperation {
  const job = waiting();
  const exit = exitOf("succeeded");
  switch (family) {
    case "direct":
      return { kind: "insert", job, payload, direct: { token, agent } };
    case "pending":
      return { kind: "insert", job, payload, direct: undefined };
    case "limited_direct":
      return { kind: "insert", job: { ...job, limits }, payload, direct: { token, agent } };
    case "limited_pending":
      return { kind: "insert", job: { ...job, limits }, payload, direct: undefined };
    case "refuse":
      return { kind: "refuse", job, payload, special, doneAtMs: Date.now(), exit, resultJson: "{}" };
    // The row of a window goes along with a claim.
    case "window":
      return { kind: "claim", job, token, agent, windows: [windowOf(job)] };
    case "special_direct":
      return { kind: "insert", job, payload, direct: { token, agent }, special };
    case "special_pending":
      return { kind: "insert", job, payload, direct: undefined, special };
    case "claim":
      return { kind: "claim", job, token, agent };
    case "finish":
      return { kind: "finish", job, end: endOf(job) };
    case "retry":
      return { kind: "retry", job, end: endOf(job), deferred: true };
    case "requeue":
      return { kind: "requeue", job, token };
    case "cancel":
      return { kind: "cancel", job, doneAtMs: Date.now(), exit, resultJson: "{}" };
    case "flow_event":
      return { kind: "flow", job, change: { kind: "flow_event", seq: 1, atMs: Date.now(), eventsJson: "[]", stateJson: undefined } };
    case "flow_item":
      return { kind: "flow", job, change: { kind: "flow_item", items: [{ place: "a", part: "value", index: 0, json: "1" }] } };
    case "flow_next":
      return { kind: "flow", job, change: { kind: "flow_next", dueAtMs: Date.now(), awake: false } };
    case "flow_over":
      return { kind: "flow", job, change: { kind: "flow_over" } };
    case "flow_approved":
      return { kind: "flow", job, change: { kind: "flow_approved", number: "1" } };
    case "flow_cached":
      return { kind: "flow", job, change: { kind: "flow_cached", key: "k", expiresAtMs: Date.now(), resultJson: "1" } };
    case "flow_used":
      return { kind: "flow", job, change: { kind: "flow_used" } };
    default:
      throw new Error(`no operation for ${family satisfies never}`);
  }
}

/** What the families are made of: operations, and a note beside them. */
function encodedOf(form: Form, families: readonly Family[], operations = operationsOf(families)): EncodedFlush {
  const notes: EventNote[] = families.includes("note") ? [{ workspace: WORKSPACE, kind: "ended", id: newId(), data: null }] : [];
  return encodeFlush(operations, notes, form);
}
const operationsOf = (families: readonly Family[]): FlushOperation[] => families.flatMap((family) => (family === "note" ? [] : [operationOf(family)]));

const isOfFlows = (family: Family): boolean => family.startsWith("flow_");

/** Parents and today's partitions of events and items, the rows of living flows, answers of people, kept results, runs with steps to be deleted. */
const FLOW_TABLES = 8;

/** Every family alone, what flushes are mostly made of, and all together. */
const COMPOSITIONS: readonly (readonly Family[])[] = [
  ...FAMILIES.map((family) => [family]),
  ["direct", "finish"],
  ["claim", "finish"],
  ["pending", "claim", "finish"],
  ["direct", "pending", "claim", "finish"],
  ["special_direct", "finish", "flow_event"],
  FAMILIES.filter((family) => !isOfFlows(family)),
  FAMILIES,
];

const FORMED = FORMS.flatMap((form) => COMPOSITIONS.map((families) => [form, families] as const));

async function explain(client: pg.Client, text: string, values: readonly unknown[]): Promise<string> {
  const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN ${text}`, [...values]);
  return rows.map((row) => row["QUERY PLAN"]).join("\n");
}

function flushOf(form: Form, families: readonly Family[]): { text: string; values: unknown[] } {
  const encoded = encodedOf(form, families);
  return { text: flushStatement(LANE, encoded.families, encoded.form), values: [lease.replicaId, lease.epoch, 0, 1, ...encoded.values] };
}

const STATES: readonly { name: string; prepare: () => Promise<void> }[] = [
  { name: "empty tables", prepare: async () => void (await pool.query("ANALYZE job_pending, job_running, job_done, job")) },
  {
    name: "100,000 rows that the statistics do not know",
    prepare: async () => {
      await pool.query(
        `INSERT INTO job_pending_${LANE} (id, workspace_id, shard, tag, language, prio, due_at)
         SELECT gen_random_uuid(), 1 + i % 20, $1, 'default', 'bash', 4, now() FROM generate_series(1, 100000) AS i`,
        [shardOf(WORKSPACE)],
      );
      await pool.query(
        `INSERT INTO job_running_${LANE} (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, claimed_at)
         SELECT gen_random_uuid(), 1 + i % 20, $1, 'default', 'bash', 4, 0, 1, 0, i, 1, now() FROM generate_series(1, 100000) AS i`,
        [shardOf(WORKSPACE)],
      );
    },
  },
  { name: "100,000 rows that the statistics know", prepare: async () => void (await pool.query("ANALYZE job_pending, job_running")) },
  {
    name: "tables that were emptied since the last statistics",
    prepare: async () =>
      void (await pool.query(`DELETE FROM job_pending_${LANE} WHERE workspace_id > 0; DELETE FROM job_running_${LANE} WHERE workspace_id > 0`)),
  },
];

describe("plans", () => {
  test.each(STATES)("$name: flushes find rows by primary key, refills by the order index", async ({ name, prepare }) => {
    await prepare();
    // To a planner who knows that a table is empty all of its indexes cost the same (docs/decisions/0070).
    const pending = name === "empty tables" ? `job_pending_${LANE}_` : `job_pending_${LANE}_pkey`;
    for (const [form, families] of FORMED) {
      const { text, values } = flushOf(form, families);
      const plan = await explain(hot, text, values);
      expect(plan, `${form}: ${families.join(" ")}`).not.toMatch(/Nested Loop|Merge Join|Seq Scan/);
      if (families.some((family) => family === "claim" || family === "cancel")) expect(plan).toMatch(new RegExp(`Index Scan (using|on) ${pending}`));
      if (families.some((family) => family === "finish" || family === "requeue" || family === "retry"))
        expect(plan).toMatch(new RegExp(`Index Scan (using|on) job_running_${LANE}_pkey`));
      expect(plan).toMatch(/Index Scan using replica_lease_pkey/);
      expect(plan).toMatch(/Index Scan using flush_progress_pkey/);
    }
    if (name === "empty tables") return;
    const refill = await explain(owner, refillStatement(LANE), ["1", "default", "bash", -32768, 0, "00000000-0000-0000-0000-000000000000", 2000, "0", 0]);
    // The heads come from the index in its order, without a sort below their limit; due rows that waited for a moment are merged in.
    expect(refill).toMatch(new RegExp(`Limit [^\\n]*\\n *->  Index Scan using job_pending_${LANE}_workspace_id_tag_`));
    expect(refill).not.toMatch(/Seq Scan on job/);
  });

  test("payloads and verdicts open only the partitions of their jobs", async () => {
    const ids = [newId(), newId()];
    const payloads = await explain(owner, PAYLOADS, [["1", "1"], ids]);
    const verdict = await explain(owner, IS_RECORDED, [ids[0], "1", token, lease.replicaId, lease.epoch, 13]);
    expect(verdict.match(/(Index|Seq|Bitmap)[a-zA-Z ]*Scan[a-z ]* (using \w+ )?on job_done_\d+/g)).toHaveLength(1);
    expect(payloads.match(/Scan[a-z ]* (using \w+ )?on job_\d+/g)).toHaveLength(1);
  });
});

/** Relations that the statement locks: tables and indexes of ours, without what reading pg_locks takes. */
async function locksOf(client: pg.Client, text: string, values: readonly unknown[]): Promise<string[]> {
  const pid = (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid;
  await client.query("BEGIN");
  try {
    await client.query(text, [...values]);
    const { rows } = await pool.query<{ name: string; kind: string }>(
      `SELECT c.relname AS name, c.relkind AS kind FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
       WHERE l.pid = $1 AND l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1`,
      [pid],
    );
    return rows.map((row) => `${row.kind} ${row.name}`);
  } finally {
    await client.query("ROLLBACK");
  }
}

/** The row that an operation moves, committed before. */
async function prepareRow(operation: FlushOperation): Promise<void> {
  if (operation.kind === "insert" || operation.kind === "refuse" || operation.kind === "flow") return;
  const job = { ...waiting(), id: operation.job.id };
  const runs = operation.kind === "finish" || operation.kind === "requeue" || operation.kind === "retry";
  const before = encodeFlush([{ kind: "insert", job, payload, direct: runs ? { token, agent } : undefined }]);
  await hot.query(flushStatement(LANE, before.families, before.form), [lease.replicaId, lease.epoch, 0, 1, ...before.values]);
}

describe("locks", () => {
  // A backend has 16 slots of its own up to Postgres 17 and 64 from 18 on: three locks of the widest flush may have to go through the shared table.
  test("a flush locks 8 tables at most, and 19 relations with their indexes", async () => {
    for (const [form, families] of FORMED) {
      const operations = operationsOf(families);
      for (const operation of operations) await prepareRow(operation);
      const encoded = encodedOf(form, families, operations);
      const locks = await locksOf(hot, flushStatement(LANE, encoded.families, encoded.form), [lease.replicaId, lease.epoch, 0, 1, ...encoded.values]);
      const tables = locks.filter((lock) => !/^[iI] /.test(lock));
      // Attempts that are tried again and idempotency keys have tables of their own, and so have windows.
      const rare = families.some((family) => family === "retry" || family === "refuse" || family.startsWith("special"));
      // What flows write comes on top.
      const flows = families.some(isOfFlows) ? FLOW_TABLES : 0;
      // So do notes, of the few workspaces with hooks: their table and its sequence.
      const more = flows + (families.includes("note") ? 2 : 0);
      expect(tables.length, `${families.join(" ")}: ${tables.join(", ")}`).toBeLessThanOrEqual((rare ? 13 : 8) + more);
      expect(locks.length, `${families.join(" ")}: ${locks.join(", ")}`).toBeLessThanOrEqual((rare ? 26 : 19) + 2 * more + 1);
      // Of the days of history only today's.
      expect(locks.filter((lock) => /^r job_(done_)?\d{8}$/.test(lock)).length).toBeLessThanOrEqual(2);
    }
  });

  test("the reads of an owner lock the partitions of their jobs alone", async () => {
    const start = ["1", "default", "bash", -32768, 0, "00000000-0000-0000-0000-000000000000", 2000, "0", 0];
    expect((await locksOf(owner, refillStatement(LANE), start)).filter((lock) => !/^[iI] /.test(lock)).length).toBeLessThanOrEqual(2);
    expect(
      (
        await locksOf(owner, PAYLOADS, [
          ["1", "1"],
          [newId(), newId()],
        ])
      ).length,
    ).toBeLessThanOrEqual(4);
    expect((await locksOf(owner, IS_RECORDED, [newId(), "1", token, lease.replicaId, lease.epoch, 13])).length).toBeLessThanOrEqual(20);
  });
});
