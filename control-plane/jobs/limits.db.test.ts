import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator, type Token } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import { type JobLimits, NO_GROUP } from "../scheduler/core/limit-model.ts";
import type { JobQueue, WaitingJob } from "../scheduler/core/model.ts";
import { admitCold } from "../scheduler/core/queue-core.ts";
import { createSchedulerState, shareOfJob } from "../scheduler/core/state-core.ts";
import { joinCluster, type Lease } from "../scheduler/lease-store.ts";
import { createOwnerStore } from "../scheduler/owner-store.ts";
import { loadWindows, storedWindow } from "../scheduler/window-store.ts";
import { changedWorkspaceLimits, readWorkspaceLimits, writeWorkspaceLimits } from "../workspaces/workspace-limit-store.ts";
import { FlushWriter } from "./flush-writer.ts";
import { jobKey } from "./idempotency-key.ts";
import { decodeLimits, encodeLimits } from "./limits-codec.ts";
import { type FlushOperation, type FlushOutcome, laneOf, shardOf, type WindowRecord } from "./model.ts";
import { policyOf } from "./policy-codec.ts";
import { refillStatement } from "./statements.ts";

const newId = createJobIdGenerator(() => Date.now());
const workspace = asWorkspaceId("1");
const agent = asAgentKey("1");
const payload = { kind: "inline", scriptHash: undefined, code: "echo", argsJson: "{}", createdBy: "test" } as const;

let database: TestDatabase;
let pool: pg.Pool;
let lease: Lease;
let writer: FlushWriter;
let sequence = 0;
const newToken = (): Token => {
  sequence += 1;
  return asToken(String(sequence));
};

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await makePartitions(pool, Date.now());
  lease = await joinCluster(pool, { name: "test", address: "", version: "" });
  writer = new FlushWriter({
    url: database.url,
    ...lease,
    connections: 2,
    log: { warn: () => undefined },
    metrics: { flushed: () => undefined },
    onLeaseLost: () => undefined,
  });
  await writer.start();
});
afterAll(async () => {
  await writer.stop();
  await pool.end();
  await database.drop();
});

const submit = (operation: FlushOperation): Promise<FlushOutcome> => new Promise((resolve, reject) => writer.submit(operation, resolve, reject));

function limits(group: string, ...keys: string[]): JobLimits {
  return { group, specs: keys.map((key, at) => ({ kind: "running", id: `${group}${at}`, key, strategy: "queue", max: at + 1 })) };
}

function waiting(fields: Partial<WaitingJob> = {}): WaitingJob {
  const job = { id: newId(), workspace, shard: shardOf(workspace), tag: "default", language: "bash", prio: 4, dueAtMs: Date.now(), attempt: 0, lost: 0 };
  return { ...job, scriptId: undefined, timeoutMs: undefined, ...fields };
}

const insert = (job: WaitingJob): FlushOperation => ({ kind: "insert", job, payload, direct: undefined });

async function storedLimits(table: string, id: string): Promise<JobLimits | undefined> {
  const { rows } = await pool.query<{ ckey: string; limits: string | null }>(`SELECT ckey::text, limits FROM ${table} WHERE id = $1`, [id]);
  const [row] = rows;
  return row?.limits == null ? undefined : decodeLimits(row.ckey, row.limits);
}

describe("rows", () => {
  test("a job's limits go with it from waiting to running and back", async () => {
    const job = waiting({ limits: limits("77", "customer 1", "db \u0000 \u{1F600}") });
    const [first, second] = [newToken(), newToken()];
    await submit(insert(job));
    expect(await storedLimits("job_pending", job.id)).toEqual(job.limits);
    await submit({ kind: "claim", job, token: first, agent });
    expect(await storedLimits("job_running", job.id)).toEqual(job.limits);
    await submit({ kind: "requeue", job: { ...job, attempt: 1 }, token: first });
    expect(await storedLimits("job_pending", job.id)).toEqual(job.limits);
    await submit({ kind: "claim", job, token: second, agent });
    const direct = waiting({ limits: limits("78", "direct") });
    await submit({ kind: "insert", job: direct, payload, direct: { token: newToken(), agent } });
    expect(await storedLimits("job_running", direct.id)).toEqual(direct.limits);
  });

  test("a job with limits and a policy, a moment or a key keeps all of it, also through a retry", async () => {
    const policy = policyOf({ retry: { max_attempts: 3 } }, undefined);
    const job = waiting({ policy, limits: limits("81", 'customer, "1" \\ {}') });
    const scheduledForMs = Date.now() + 3_600_000;
    const special = { scheduledForMs, expiresAtMs: scheduledForMs + 1000, key: jobKey("run", "limited", 0, "", scheduledForMs) };
    const token = newToken();
    await submit({ kind: "insert", job, payload, direct: undefined, special });
    expect(await storedLimits("job_pending", job.id)).toEqual(job.limits);
    const { rows } = await pool.query("SELECT deferred, expires_at IS NOT NULL AS expires, policy FROM job_pending WHERE id = $1", [job.id]);
    expect(rows).toEqual([{ deferred: true, expires: true, policy: policy?.text }]);
    expect((await pool.query("SELECT 1 FROM job_key WHERE id = $1", [job.id])).rowCount).toBe(1);
    await submit({ kind: "claim", job, token, agent });
    expect(await storedLimits("job_running", job.id)).toEqual(job.limits);
    const end = { id: job.id, workspace, token, exit: exitOf("exit_code", "", { code: 1 }), resultJson: "1", startedAtMs: 1, doneAtMs: 2, runUs: 1 };
    const logs = { logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
    expect(await submit({ kind: "retry", job: { ...job, attempt: 1, failed: 1 }, end: { ...end, ...logs }, deferred: true })).toBe("moved");
    expect(await storedLimits("job_pending", job.id)).toEqual(job.limits);
    const direct = waiting({ policy, limits: limits("82", "direct") });
    await submit({ kind: "insert", job: direct, payload, direct: { token: newToken(), agent } });
    expect(await storedLimits("job_running", direct.id)).toEqual(direct.limits);
    const refused = waiting({ policy, limits: limits("83", "full") });
    const key = jobKey("run", "refused", 0, "", scheduledForMs);
    const exit = exitOf("limit_reached", "full");
    const none = { scheduledForMs: undefined, expiresAtMs: undefined };
    await submit({ kind: "refuse", job: refused, payload, special: { ...none, key }, doneAtMs: Date.now(), exit, resultJson: "{}" });
    expect((await pool.query("SELECT 1 FROM job_key WHERE id = $1", [refused.id])).rowCount).toBe(1);
  });

  test("one flush takes jobs with and without limits", async () => {
    const jobs = Array.from({ length: 40 }, (_, at) => waiting(at % 2 === 0 ? {} : { limits: limits("79", `key ${at}`) }));
    expect(new Set(await Promise.all(jobs.map((job) => submit(insert(job)))))).toEqual(new Set(["moved"]));
    for (const job of jobs) expect(await storedLimits("job_pending", job.id)).toEqual(job.limits);
    const { rows } = await pool.query("SELECT DISTINCT ckey::text, limits IS NULL AS none FROM job_pending WHERE id = ANY($1::uuid[]) ORDER BY 1", [
      jobs.map((job) => job.id),
    ]);
    expect(rows).toEqual([
      { ckey: "0", none: true },
      { ckey: "79", none: false },
    ]);
  });

  test("a refused job is in history only, with its reason", async () => {
    const job = waiting();
    const exit = exitOf("limit_reached", "full");
    expect(await submit({ kind: "refuse", job, payload, doneAtMs: Date.now(), exit, resultJson: "{}" })).toBe("moved");
    const { rows } = await pool.query(
      `SELECT d.outcome, d.attempt, d.token, d.exit_message, (SELECT count(*)::int FROM job_pending p WHERE p.id = d.id) AS waiting,
         (SELECT count(*)::int FROM job j WHERE j.id = d.id AND j.workspace_id = d.workspace_id) AS payloads FROM job_done d WHERE id = $1`,
      [job.id],
    );
    expect(rows).toEqual([{ outcome: 1, attempt: 0, token: null, exit_message: "full", waiting: 0, payloads: 1 }]);
  });

  test("limits survive their text", () => {
    const all: JobLimits = {
      group: "5",
      specs: [
        { kind: "running", id: "1", key: "a", strategy: "cancel_oldest", max: 3 },
        { kind: "rate", id: "2", key: "b", strategy: "fail", starts: 5, windowMs: 100.5 },
      ],
    };
    expect(decodeLimits("5", encodeLimits(all))).toEqual(all);
  });
});

describe("taking over", () => {
  test("a new owner learns of each group how many wait, and the limits of the job that was created last", async () => {
    const own = asWorkspaceId("31");
    const of = (fields: Partial<WaitingJob>): WaitingJob => waiting({ workspace: own, shard: shardOf(own), ...fields });
    const jobs = [of({}), of({}), of({ limits: limits("90", "old") }), of({ prio: 0, limits: limits("90", "new") }), of({ limits: limits("91", "other") })];
    for (const job of jobs) await submit(insert(job));
    const running = of({ limits: limits("90", "old") });
    await submit({ kind: "insert", job: running, payload, direct: { token: newToken(), agent } });
    const { groups, running: rows } = await createOwnerStore(pool, lease).load([shardOf(own)], 10_000);
    const found = groups.filter((group) => group.workspace === own).map((group) => [group.count, group.newest?.limits?.specs[0]?.key]);
    expect(found.sort()).toEqual([
      [1, "other"],
      [2, undefined],
      [2, "new"],
    ]);
    expect(rows.find((row) => row.job.id === running.id)?.job.limits).toEqual(running.limits);
  });

  test("a group is read back by itself, in order, and through the index: 5,000 rows of another one do not stand before it", async () => {
    const own = asWorkspaceId("32");
    const shard = shardOf(own);
    await pool.query(
      `INSERT INTO job_pending (id, workspace_id, shard, tag, language, prio, due_at, ckey, limits)
       SELECT gen_random_uuid(), $1, $2, 'default', 'bash', 4, now() - interval '1 hour', 95, '[]' FROM generate_series(1, 5000)`,
      [own, shard],
    );
    await pool.query("ANALYZE job_pending");
    const behind = Array.from({ length: 3 }, () => waiting({ workspace: own, shard }));
    for (const job of behind) await submit(insert(job));
    const state = createSchedulerState(1, 100);
    admitCold(state, { workspace: own, tag: "default", language: "bash", count: 3, newest: undefined });
    const queue = shareOfJob(state, behind[0] ?? waiting()).queues.get(NO_GROUP) as JobQueue;
    const rows = await createOwnerStore(pool, lease).refill(queue, 100, Date.now());
    expect(rows.map((row) => row.id)).toEqual(behind.map((job) => job.id));
    const values = [own, "default", "bash", -32768, 0, "00000000-0000-0000-0000-000000000000", 100, "0", Date.now()];
    const { rows: plan } = await pool.query<{ "QUERY PLAN": string }>(`EXPLAIN (ANALYZE, BUFFERS) ${refillStatement(laneOf(shard))}`, values);
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(text).toMatch(/Index Scan using job_pending_\d_workspace_id/);
    // Those whose moment has come are sorted, of which there are none.
    expect(text.match(/Sort Method/g)).toHaveLength(1);
    expect(text).toMatch(/Sort .*rows=0/);
    expect(text).not.toMatch(/Rows Removed/);
  });
});

describe("windows", () => {
  const record = (id: string, fields: Partial<WindowRecord>): WindowRecord => ({
    workspace,
    id,
    starts: 3,
    windowMs: 60_000,
    agesMs: [],
    tatInMs: undefined,
    token: newToken(),
    keepMs: 60_000,
    ...fields,
  });
  const claimWith = async (...windows: WindowRecord[]): Promise<void> => {
    const job = waiting();
    await submit({ kind: "insert", job, payload, direct: { token: newToken(), agent }, windows });
  };
  const loaded = async (id: string) => (await loadWindows(pool, [shardOf(workspace)])).find((window) => window.id === id);

  test("are stored with the claim; the record of the later claim stays, whichever commits last", async () => {
    const [older, newer] = [newToken(), newToken()];
    await claimWith(record("501", { agesMs: [20, 0], token: newer }));
    await claimWith(record("501", { agesMs: [0], token: older }));
    expect((await loaded("501"))?.agesMs).toHaveLength(2);
  });

  test("several claims of one flush and of two connections at once leave the last", async () => {
    const records = Array.from({ length: 300 }, (_, at) => [record("601", { agesMs: [at] }), record("600", { agesMs: [at] })]);
    await Promise.all(records.map((windows) => claimWith(...windows)));
    for (const id of ["600", "601"]) expect(Math.floor((await loaded(id))?.agesMs[0] ?? 0)).toBeGreaterThanOrEqual(299);
  });

  test("a start is never older for the next owner than it is", async () => {
    const startedAt = performance.now();
    await claimWith(record("701", { agesMs: [0], tatInMs: 5000 }));
    const window = await loaded("701");
    if (window === undefined) throw new Error("the window was stored");
    const readAtMs = performance.now();
    const { times } = storedWindow(window, readAtMs);
    expect(times[0]).toBeGreaterThanOrEqual(startedAt);
    expect(times[0]).toBeLessThanOrEqual(readAtMs);
    expect(storedWindow({ ...window, starts: 1000 }, readAtMs).tatMs).toBeGreaterThanOrEqual(startedAt + 5000);
  });

  test("that no longer count are neither loaded nor kept", async () => {
    await claimWith(record("801", { agesMs: [0], keepMs: 0 }));
    expect(await loaded("801")).toBeUndefined();
    await pool.query("UPDATE rate_window SET expires_at = now() - interval '2 minutes' WHERE id = 801");
    await createOwnerStore(pool, lease).dropOldWindows();
    expect((await pool.query("SELECT 1 FROM rate_window WHERE id = 801")).rowCount).toBe(0);
  });
});

describe("weights and caps of workspaces", () => {
  test("are found by whoever looks for changes, also one that was under way during the look before", async () => {
    const made = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('w-a'), ('w-b') RETURNING id::text");
    const [a, b] = made.rows.map((row) => asWorkspaceId(row.id));
    if (a === undefined || b === undefined) throw new Error("two workspaces were made");
    expect(await readWorkspaceLimits(pool, a)).toEqual({ weight: 1, maxRunning: undefined, revision: 0 });
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await client.query("INSERT INTO workspace_limit (workspace_id, weight, max_running, changed_by) VALUES ($1, 3, 7, 'test')", [a]);
      await writeWorkspaceLimits(pool, b, { weight: 2, maxRunning: undefined }, "test");
      const first = await changedWorkspaceLimits(pool, "0");
      expect(first.changed).toEqual([{ workspace: b, limits: { weight: 2, maxRunning: undefined } }]);
      await client.query("COMMIT");
      const second = await changedWorkspaceLimits(pool, first.next);
      expect(second.changed).toContainEqual({ workspace: a, limits: { weight: 3, maxRunning: 7 } });
      // A look repeats what is younger than the oldest transaction of the whole server, which may be another test's.
      let { next } = second;
      await expect
        .poll(async () => {
          const look = await changedWorkspaceLimits(pool, next);
          next = look.next;
          return look.changed;
        })
        .toEqual([]);
      await writeWorkspaceLimits(pool, a, { weight: 1, maxRunning: 0 }, "test");
      expect((await changedWorkspaceLimits(pool, next)).changed).toEqual([{ workspace: a, limits: { weight: 1, maxRunning: 0 } }]);
    } finally {
      client.release();
    }
  });
});
