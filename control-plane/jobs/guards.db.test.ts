import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator, type JobId, type Token } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import { joinCluster, type Lease, moveShards, releaseLease, renewLease, takeOverShards } from "../scheduler/lease-store.ts";
import type { EventNote } from "./event-notes.ts";
import { FORMS, type Form } from "./family-sql.ts";
import { encodeFlush } from "./flush-codec.ts";
import { type FlowChange, type FlushOperation, type JobEnd, laneOf, shardOf } from "./model.ts";
import { FAMILIES, type Family, flushStatement, markCancelledStatement } from "./statements.ts";

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
  if (kind === "claim") return { kind, job: of, token, agent };
  if (kind === "finish") return { kind, job: of, end: endOf(of, token) };
  return kind === "requeue" ? { kind, job: of, token } : { kind, job: of, doneAtMs: Date.now(), exit: exitOf("succeeded"), resultJson: "{}" };
}

function endOf({ id }: WaitingJob, token: Token): JobEnd {
  const times = { startedAtMs: 1, doneAtMs: Date.now(), runUs: 5, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  return { id, workspace, token, exit: exitOf("exit_code", "", { code: 1 }), resultJson: "1", ...times };
}

/** Where a job is after the operations, run under an epoch by a statement with some of its text replaced. Nothing is kept. */
async function placeAfter(form: Form, id: JobId, operations: readonly FlushOperation[], epoch: number, edit?: readonly [string, string]): Promise<string> {
  const { families, values } = encodeFlush(operations, [], form);
  const text = flushStatement(lane, families, form);
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
  await commit(insert(of, token));
}

async function commit(...operations: FlushOperation[]): Promise<void> {
  const { families, form, values } = encodeFlush(operations);
  await client.query(flushStatement(lane, families, form), [lease.replicaId, lease.epoch, 0, 1, ...values]);
}

const EPOCH = ["epoch = $2 FOR SHARE", "epoch >= $2 FOR SHARE"] as const;

/** The fence of a family, as it is written in a form. */
const TOKEN: Readonly<Record<Form, RegExp>> = { one: /AND token = \$\d+::bigint/, many: /AND token = ANY\(\$\d+::bigint\[\]\)/ };

describe.each(FORMS)("an owner of an earlier epoch, flushes of %s", (form) => {
  test.each(["claim", "finish", "requeue", "cancel"] as const)("moves nothing by %s", async (kind) => {
    const of = job();
    const token = newToken();
    const runs = kind === "finish" || kind === "requeue";
    await given(of, runs ? token : undefined);
    const before = runs ? "running" : "pending";
    const operations = [operation(kind, of, token)];
    expect(await placeAfter(form, of.id, operations, lease.epoch - 1)).toBe(before);
    expect(await placeAfter(form, of.id, operations, lease.epoch - 1, EPOCH)).not.toBe(before);
    // The fence of the family itself: without it the epoch is checked for nothing.
    const family = /AND EXISTS \(SELECT 1 FROM own\)\s+RETURNING/.exec(flushStatement(lane, [kind], form))?.[0] ?? "";
    expect(await placeAfter(form, of.id, operations, lease.epoch - 1, [family, "RETURNING"])).not.toBe(before);
  });

  test.each(["direct", "pending"] as const)("inserts nothing as %s", async (kind) => {
    const of = job();
    const operations = [insert(of, kind === "direct" ? newToken() : undefined)];
    expect(await placeAfter(form, of.id, operations, lease.epoch - 1)).toBe("");
    expect(await placeAfter(form, of.id, operations, lease.epoch - 1, EPOCH)).not.toBe("");
    expect(await placeAfter(form, of.id, operations, lease.epoch - 1, ["WHERE EXISTS (SELECT 1 FROM own)", ""])).not.toBe("");
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

describe.each(FORMS)("a stale token, flushes of %s", (form) => {
  test.each(["finish", "requeue"] as const)("moves nothing by %s", async (kind) => {
    const of = job();
    await given(of, newToken());
    const operations = [operation(kind, of, newToken())];
    expect(await placeAfter(form, of.id, operations, lease.epoch)).toBe("running");
    const fence = TOKEN[form].exec(flushStatement(lane, [kind], form))?.[0] ?? "";
    expect(await placeAfter(form, of.id, operations, lease.epoch, [fence, ""])).not.toBe("running");
  });
});

test.each(FORMS)("a take-over waits for a flush of %s that is under way; without its lock on the lease it would not", async (form) => {
  const { families, values } = encodeFlush([insert(job())], [], form);
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
  const text = flushStatement(lane, families, form);
  expect(await takeOver(text)).toBe("waited");
  expect(await takeOver(text.replace(" FOR SHARE", ""))).toBe("went ahead");
});

interface Part {
  /** What must be there before. */
  readonly before?: FlushOperation;
  readonly operations: readonly FlushOperation[];
  readonly notes?: readonly EventNote[];
}

/** Of a job that was inserted: running under the token, or waiting. */
function after(runs: boolean, act: (of: WaitingJob, token: Token) => FlushOperation): Part {
  const [of, token] = [job(), newToken()];
  return { before: insert(of, runs ? token : undefined), operations: [act(of, token)] };
}

const special = { scheduledForMs: undefined, expiresAtMs: undefined, key: undefined };
const limits = { group: "7", specs: [{ kind: "running", id: "9", key: "k", max: 1, strategy: "queue" }] } as const;
const flow = (change: FlowChange): Part => ({ operations: [{ kind: "flow", job: job(), change }] });
const window = { workspace, id: "5", starts: 1, windowMs: 1000, agesMs: [1], tatInMs: undefined, keepMs: 60_000 };
const APPROVAL = "77";

/** For each part of the flush's statement something that needs it. */
const PARTS: Readonly<Record<Family, () => Part>> = {
  direct: () => ({ operations: [insert(job(), newToken())] }),
  limited_direct: () => ({ operations: [insert({ ...job(), limits }, newToken())] }),
  special_direct: () => ({ operations: [{ ...insert(job(), newToken()), special }] }),
  pending: () => ({ operations: [insert(job())] }),
  limited_pending: () => ({ operations: [insert({ ...job(), limits })] }),
  special_pending: () => ({ operations: [{ ...insert(job()), special }] }),
  refuse: () => ({ operations: [{ kind: "refuse", job: job(), payload, doneAtMs: 1, exit: exitOf("limit_reached", ""), resultJson: "{}" }] }),
  claim: () => after(false, (of, token) => operation("claim", of, token)),
  window: () => after(false, (of, token) => ({ kind: "claim", job: of, token, agent, windows: [{ ...window, token }] })),
  finish: () => after(true, (of, token) => operation("finish", of, token)),
  requeue: () => after(true, (of, token) => operation("requeue", of, token)),
  retry: () => after(true, (of, token) => ({ kind: "retry", job: { ...of, attempt: 1, failed: 1 }, end: endOf(of, token), deferred: false })),
  cancel: () => after(false, (of, token) => operation("cancel", of, token)),
  flow_event: () => flow({ kind: "flow_event", seq: 1, atMs: 1, eventsJson: "[]", stateJson: undefined }),
  flow_item: () => flow({ kind: "flow_item", items: [{ place: "a", part: "value", index: 0, json: "1" }] }),
  flow_next: () => flow({ kind: "flow_next", dueAtMs: 1, awake: true }),
  flow_over: () => {
    const of = job();
    const next: FlowChange = { kind: "flow_next", dueAtMs: undefined, awake: true };
    return { before: { kind: "flow", job: of, change: next }, operations: [{ kind: "flow", job: of, change: { kind: "flow_over" } }] };
  },
  flow_approved: () => flow({ kind: "flow_approved", number: APPROVAL }),
  flow_cached: () => flow({ kind: "flow_cached", key: "k", expiresAtMs: Date.now(), resultJson: "1" }),
  flow_used: () => flow({ kind: "flow_used" }),
  note: () => ({ operations: [insert(job())], notes: [{ workspace, kind: "ended", id: newId(), data: null }] }),
};
const TABLES = ["job", "job_pending", "job_running", "job_done", "job_attempt", "job_key", "rate_window", "event_note"].concat([
  "flow_event",
  "flow_item",
  "flow_live",
  "flow_approval",
  "flow_cache",
  "flow_used",
]);

describe.each(FORMS)("each part of a flush of %s", (form) => {
  beforeAll(async () => {
    await client.query(
      `INSERT INTO flow_approval (number, workspace_id, id, shard, place, approver, approved, payload) OVERRIDING SYSTEM VALUE
       VALUES ($1, 1, $2, $3, 'a', 'ann', true, 'null') ON CONFLICT DO NOTHING`,
      [APPROVAL, newId(), shardOf(workspace)],
    );
  });

  test.each(FAMILIES)("%s does nothing for an owner of an earlier epoch; without its own fence it does", async (family) => {
    const { before, operations, notes } = PARTS[family]();
    if (before !== undefined) await commit(before);
    const { families, values } = encodeFlush(operations, notes, form);
    const text = flushStatement(lane, families, form);
    // Each part has one, and the record of the flush itself comes last.
    const fences = text.split("EXISTS (SELECT 1 FROM own)");
    expect(fences).toHaveLength(families.length + 2);
    const at = families.indexOf(family);
    const unfenced = [fences.slice(0, at + 1).join("EXISTS (SELECT 1 FROM own)"), fences.slice(at + 1).join("EXISTS (SELECT 1 FROM own)")].join("true");
    const rows = await rowsAfter("SELECT 1", []);
    const arguments_ = (epoch: number): unknown[] => [lease.replicaId, epoch, 0, 1, ...values];
    expect(await rowsAfter(text, arguments_(lease.epoch))).not.toEqual(rows);
    expect(await rowsAfter(text, arguments_(lease.epoch - 1))).toEqual(rows);
    expect(await rowsAfter(unfenced, arguments_(lease.epoch - 1))).not.toEqual(rows);
  });

  /** All that there is after a statement. Nothing is kept. */
  async function rowsAfter(text: string, values: unknown[]): Promise<unknown> {
    const sums = TABLES.map((table) => `(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ${table} t) AS ${table}`);
    await client.query("BEGIN");
    try {
      await client.query(text, values);
      return (await client.query(`SELECT ${sums.join(", ")}`)).rows[0];
    } finally {
      await client.query("ROLLBACK");
    }
  }
});

test.each(FORMS)("an end of an attempt that is tried again is kept under its own token only, by a flush of %s; without the fence under any", async (form) => {
  const of = job();
  await given(of, newToken());
  const retry: FlushOperation = { kind: "retry", job: { ...of, attempt: 1 }, end: endOf(of, newToken()), deferred: false };
  expect(await placeAfter(form, of.id, [retry], lease.epoch)).toBe("running");
  const fence = TOKEN[form].exec(flushStatement(lane, ["retry"], form))?.[0] ?? "";
  expect(await placeAfter(form, of.id, [retry], lease.epoch, [fence, ""])).not.toBe("running");
});

test.each(FORMS)("the window of an earlier claim does not replace that of a later one, by a flush of %s; without the fence it does", async (form) => {
  const [older, newer] = [newToken(), newToken()];
  const claim = async (token: Token, agesMs: readonly number[]): Promise<FlushOperation> => {
    const of = job();
    await given(of);
    return { kind: "claim", job: of, token, agent, windows: [{ ...window, id: "6", token, agesMs }] };
  };
  await commit(await claim(newer, [2, 3]));
  const { families, values } = encodeFlush([await claim(older, [1])], [], form);
  const agesAfter = async (edit: readonly [string, string]): Promise<unknown> => {
    await client.query("BEGIN");
    try {
      await client.query(flushStatement(lane, families, form).replace(...edit), [lease.replicaId, lease.epoch, 0, 1, ...values]);
      return (await client.query("SELECT ages_ms FROM rate_window WHERE id = 6")).rows[0];
    } finally {
      await client.query("ROLLBACK");
    }
  };
  const [kept, replaced] = [await agesAfter(["", ""]), await agesAfter(["WHERE rate_window.token < excluded.token", ""])];
  expect(kept).toEqual({ ages_ms: "2.000,3.000" });
  expect(replaced).toEqual({ ages_ms: "1.000" });
});

/** The pool, with some of the text of its queries replaced. */
function edited(text: string, replacement: string): pg.Pool {
  const change = (query: string): string => query.replace(text, replacement);
  const connect = async (): Promise<unknown> => {
    const connection = await pool.connect();
    return { query: (query: string, values?: unknown[]) => connection.query(change(query), values), release: () => connection.release() };
  };
  return { query: (query: string, values?: unknown[]) => pool.query(change(query), values), connect } as unknown as pg.Pool;
}

describe("the map of shards", () => {
  let a: Lease;
  let b: Lease;
  beforeAll(async () => {
    [a, b] = [await join("a"), await join("b")];
    expect(await takeOverShards(pool, a, [a.replicaId])).toBe(64);
  });
  const join = (name: string): Promise<Lease> => joinCluster(pool, { name, address: "", version: "" });
  const earlier = ({ replicaId, epoch }: Lease): Lease => ({ replicaId, epoch: epoch - 1 });
  const expire = ({ replicaId }: Lease, inS: number): Promise<unknown> =>
    pool.query("UPDATE replica_lease SET expires_at = clock_timestamp() + make_interval(secs => $2) WHERE replica_id = $1", [replicaId, inS]);
  const rowOf = async ({ replicaId }: Lease): Promise<unknown> =>
    (await pool.query("SELECT epoch, expires_at, leaving FROM replica_lease WHERE replica_id = $1", [replicaId])).rows[0];

  test("is changed only by a giver that still has its epoch, for a taker that has its own and lives; without each fence it is changed", async () => {
    expect(await moveShards(pool, earlier(a), b, [1])).toEqual([]);
    expect(await moveShards(edited(" AND EXISTS (SELECT 1 FROM giver)", ""), earlier(a), b, [1])).toEqual([1]);
    expect(await moveShards(pool, a, earlier(b), [2])).toEqual([]);
    expect(await moveShards(edited(" AND EXISTS (SELECT 1 FROM taker)", ""), a, earlier(b), [2])).toEqual([2]);
    // What is no longer its own is not given away.
    expect(await moveShards(pool, a, b, [2])).toEqual([]);
    await expire(b, -1);
    expect(await moveShards(pool, a, b, [3])).toEqual([]);
    expect(await moveShards(edited(" AND expires_at > clock_timestamp() FOR", " FOR"), a, b, [3])).toEqual([3]);
    await expire(b, 60);
  });

  test("is taken over by one that has its lease, from the dead alone, whose epochs are raised", async () => {
    const takeOver = (from: pg.Pool, taker: Lease): Promise<number> => takeOverShards(from, taker, [taker.replicaId]);
    const mine = edited("AND epoch = $2 FOR SHARE", "AND $2::bigint > 0 FOR SHARE");
    expect(await takeOver(pool, a)).toBe(0);
    await expire(b, -1);
    expect(await takeOver(pool, earlier(a))).toBe(0);
    expect(await takeOver(edited("epoch = nextval('owner_epoch')", "epoch = epoch"), a)).toBe(3);
    expect(await rowOf(b)).toMatchObject({ epoch: String(b.epoch) });
    expect(await moveShards(edited(" AND expires_at > clock_timestamp() FOR", " FOR"), a, b, [4])).toEqual([4]);
    expect(await takeOver(mine, earlier(a))).toBe(1);
    expect(await rowOf(b)).not.toMatchObject({ epoch: String(b.epoch) });
    b = await join("b");
    expect(await moveShards(pool, a, b, [4])).toEqual([4]);
    expect(await takeOver(edited("WHERE expires_at <= clock_timestamp()", "WHERE true"), a)).toBe(64);
  });

  test("leases are renewed and given back under their epoch alone; without the fence under any", async () => {
    b = await join("b");
    await expire(b, -1);
    const row = await rowOf(b);
    expect(await renewLease(pool, earlier(b), 0)).toMatchObject({ ours: false });
    expect(await rowOf(b)).toEqual(row);
    await renewLease(edited("AND epoch = $2 RETURNING", "AND $2::bigint > 0 RETURNING"), earlier(b), 0);
    const renewed = await rowOf(b);
    expect(renewed).not.toEqual(row);
    await releaseLease(pool, earlier(b));
    expect(await rowOf(b)).toEqual(renewed);
    await releaseLease(edited("AND epoch = $2", "AND $2::bigint > 0"), earlier(b));
    expect(await rowOf(b)).not.toEqual(renewed);
  });
});
