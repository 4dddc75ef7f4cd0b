import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator, type JobId, type Token } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import { joinCluster, type Lease, renewLease } from "../scheduler/lease-store.ts";
import { FORMS } from "./family-sql.ts";
import { FLUSHES_OF_FLOWS, FlushConnection } from "./flush-store.ts";
import { FlushWriter } from "./flush-writer.ts";
import { type FlowChange, type FlushOperation, type FlushOutcome, type JobEnd, LANES, laneOf, SHARDS, shardOf } from "./model.ts";
import { FAMILIES, flushStatement, HOT_SETTINGS, parameterTypes } from "./statements.ts";

const newId = createJobIdGenerator(() => Date.now());
const workspace = asWorkspaceId("1");
const agent = asAgentKey("1");
const log = { warn: () => undefined };
const replica = { name: "test", address: "", version: "" };

let database: TestDatabase;
let pool: pg.Pool;
let lease: Lease;
let writer: FlushWriter;
let lost = 0;
let sequence = 0;
function newToken(): Token {
  sequence += 1;
  return asToken(String(sequence));
}

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await makePartitions(pool, Date.now());
  lease = await joinCluster(pool, replica);
  writer = await startWriter(lease);
});

afterAll(async () => {
  await writer.stop();
  await pool.end();
  await database.drop();
});

async function startWriter(of: Lease): Promise<FlushWriter> {
  const made = new FlushWriter({ url: database.url, ...of, connections: 2, log, metrics: { flushed: () => undefined }, onLeaseLost: () => (lost += 1) });
  await made.start();
  return made;
}

function waiting(fields: Partial<WaitingJob> = {}): WaitingJob {
  const of = fields.workspace ?? workspace;
  return {
    id: newId(),
    workspace: of,
    shard: shardOf(of),
    tag: "default",
    language: "bash",
    prio: 4,
    dueAtMs: Date.now(),
    attempt: 0,
    lost: 0,
    scriptId: undefined,
    timeoutMs: undefined,
    ...fields,
  };
}

const payload = { kind: "inline", scriptHash: undefined, code: "echo", argsJson: "{}", createdBy: "test" } as const;
const submit = (operation: FlushOperation, to = writer): Promise<FlushOutcome> => new Promise((resolve, reject) => to.submit(operation, resolve, reject));
const insert = (job: WaitingJob, direct?: { token: Token; agent: typeof agent }): FlushOperation => ({ kind: "insert", job, payload, direct });

function end(job: WaitingJob, token: Token, resultJson = "1"): FlushOperation {
  const fields: JobEnd = {
    id: job.id,
    workspace: job.workspace,
    token,
    exit: exitOf("succeeded"),
    resultJson,
    startedAtMs: Date.now(),
    doneAtMs: Date.now(),
    runUs: 5,
    logChunks: 0,
    logBytes: 0,
    logDroppedBytes: 0,
  };
  return { kind: "finish", job, end: fields };
}

async function placesOf(id: JobId): Promise<string[]> {
  const { rows } = await pool.query<{ place: string }>(
    "SELECT 'pending' AS place FROM job_pending WHERE id = $1 UNION ALL SELECT 'running' FROM job_running WHERE id = $1 UNION ALL SELECT 'done' FROM job_done WHERE id = $1",
    [id],
  );
  return rows.map((row) => row.place);
}

async function countJobs(): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "SELECT ((SELECT count(*) FROM job_pending) + (SELECT count(*) FROM job_running) + (SELECT count(*) FROM job_done))::int AS count",
  );
  return rows[0]?.count ?? Number.NaN;
}

/** Ends the backends of the hot connections, wherever they are in their work. */
async function killHot(): Promise<void> {
  await pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace/hot' AND datname = current_database()");
}

describe("one flush", () => {
  test("moves a job through pending, running and done, and it is in one place at a time", async () => {
    const job = waiting();
    const token = newToken();
    await submit(insert(job));
    expect(await placesOf(job.id)).toEqual(["pending"]);
    expect(await submit({ kind: "claim", job, token, agent })).toBe("moved");
    expect(await placesOf(job.id)).toEqual(["running"]);
    expect(await submit(end(job, token))).toBe("moved");
    expect(await placesOf(job.id)).toEqual(["done"]);
  });

  test("a direct dispatch never touches the pending table", async () => {
    const job = waiting();
    const token = newToken();
    await submit(insert(job, { token, agent }));
    expect(await placesOf(job.id)).toEqual(["running"]);
    expect(await submit(end(job, token))).toBe("moved");
  });

  test("an end under a stale token changes nothing", async () => {
    const job = waiting();
    const [first, second] = [newToken(), newToken()];
    await submit(insert(job, { token: first, agent }));
    expect(await submit({ kind: "requeue", job: { ...job, attempt: 1, lost: 1 }, token: first })).toBe("moved");
    expect(await submit(end(job, first))).toBe("gone");
    expect(await placesOf(job.id)).toEqual(["pending"]);
    expect(await submit({ kind: "claim", job, token: second, agent })).toBe("moved");
    expect(await submit(end(job, first))).toBe("gone");
    expect(await submit(end(job, second))).toBe("moved");
    const { rows } = await pool.query<{ attempt: number }>("SELECT attempt FROM job_done WHERE id = $1", [job.id]);
    expect(rows).toEqual([{ attempt: 2 }]);
  });

  test("cancelling a waiting job ends it; cancelling or claiming what is gone says so", async () => {
    const job = waiting();
    await submit(insert(job));
    const cancel: FlushOperation = { kind: "cancel", job, doneAtMs: Date.now(), exit: exitOf("cancelled", "enough"), resultJson: "{}" };
    expect(await submit(cancel)).toBe("moved");
    expect(await submit(cancel)).toBe("gone");
    expect(await submit({ kind: "claim", job, token: newToken(), agent })).toBe("gone");
    expect(await placesOf(job.id)).toEqual(["done"]);
  });

  test("a claim and a cancel of the same job in one flush: one of them wins, and both are told the truth", async () => {
    for (let round = 0; round < 20; round++) {
      const job = waiting();
      await submit(insert(job));
      const cancel: FlushOperation = { kind: "cancel", job, doneAtMs: Date.now(), exit: exitOf("cancelled", "enough"), resultJson: "{}" };
      const claim: FlushOperation = { kind: "claim", job, token: newToken(), agent };
      const [claimed, cancelled] = await Promise.all(round % 2 === 0 ? [submit(claim), submit(cancel)] : [submit(cancel), submit(claim)].reverse());
      const places = await placesOf(job.id);
      expect([claimed, cancelled].filter((outcome) => outcome === "moved")).toHaveLength(1);
      expect(places).toEqual([claimed === "moved" ? "running" : "done"]);
    }
  });

  test("hundreds of operations of many workspaces and lanes commit together and each finds its own outcome", async () => {
    const jobs = Array.from({ length: 400 }, (_, at) => waiting({ workspace: asWorkspaceId(String(1 + (at % 40))) }));
    await Promise.all(jobs.map((job) => submit(insert(job))));
    const tokens = jobs.map(() => newToken());
    const claims = await Promise.all(jobs.map((job, at) => submit({ kind: "claim", job, token: tokens[at] ?? asToken("0"), agent })));
    expect(new Set(claims)).toEqual(new Set(["moved"]));
    const ends = await Promise.all(jobs.map((job, at) => submit(end(job, at % 2 === 0 ? (tokens[at] ?? asToken("0")) : asToken("999999999")))));
    expect(ends.filter((outcome) => outcome === "moved")).toHaveLength(200);
    expect(ends.every((outcome, at) => (outcome === "moved") === (at % 2 === 0))).toBe(true);
  });

  test("a row that the database refuses fails alone", async () => {
    const good = Array.from({ length: 20 }, () => waiting());
    const tokens = good.map(() => newToken());
    await Promise.all(good.map((job, at) => submit(insert(job, { token: tokens[at] ?? asToken("0"), agent }))));
    const results = await Promise.allSettled(good.map((job, at) => submit(end(job, tokens[at] ?? asToken("0"), at === 7 ? "nul \u0000" : "1"))));
    expect(results.map((result) => result.status).filter((status) => status === "rejected")).toHaveLength(1);
    expect(results[7]?.status).toBe("rejected");
  });
});

describe("faults", () => {
  test("a backend that is killed in the middle loses nothing and does nothing twice", async () => {
    const jobs = Array.from({ length: 300 }, () => waiting());
    const outcomes: FlushOutcome[] = [];
    for (let at = 0; at < jobs.length; at += 20) {
      const part = jobs.slice(at, at + 20).map((job) => ({ job, token: newToken() }));
      const inserted = Promise.all(part.map(({ job, token }) => submit(insert(job, { token, agent }))));
      await killHot();
      await inserted;
      const ended = Promise.all(part.map(({ job, token }) => submit(end(job, token))));
      await killHot();
      outcomes.push(...(await ended));
    }
    expect(new Set(outcomes)).toEqual(new Set(["moved"]));
    const { rows } = await pool.query<{ count: number }>("SELECT count(*)::int AS count FROM job_done WHERE id = ANY($1::uuid[])", [jobs.map((job) => job.id)]);
    expect(rows[0]?.count).toBe(300);
  });

  test("usual statements are made ready ahead on each new backend, write no job, and flushes go on between them", async () => {
    const connection = new FlushConnection(database.url, lease, 9, log);
    await connection.open();
    const warmAll = async (): Promise<number> => {
      let count = 0;
      while (await connection.warm()) count += 1;
      return count;
    };
    const job = waiting();
    expect(await connection.run(laneOf(job.shard), [insert(job)])).toEqual({ kind: "committed", gone: new Set() });
    const written = await countJobs();
    // In each lane 15 sets of families, and ten of one or two for flushes of one row each; what a flush has used is ready.
    expect(await warmAll()).toBe(25 * LANES - 1);
    expect(await countJobs()).toBe(written);
    await killHot();
    expect(await connection.run(laneOf(job.shard), [end(job, newToken())])).toMatchObject({ kind: "committed" });
    expect(await warmAll()).toBeGreaterThanOrEqual(25 * LANES - 1);
    await connection.close();
  });

  test("the connection for small flushes makes those of flows ready too; Postgres takes each of them", async () => {
    const connection = new FlushConnection(database.url, lease, 10, log, FLUSHES_OF_FLOWS);
    await connection.open();
    let count = 0;
    while (await connection.warm()) count += 1;
    expect(count).toBe((25 + 2 * FLUSHES_OF_FLOWS.length) * LANES);
    await connection.close();
    for (const families of FLUSHES_OF_FLOWS) {
      // The order of a flush: that of its parameters.
      expect(families).toEqual(FAMILIES.filter((family) => families.includes(family)));
      for (const form of FORMS) {
        const nothing = families.flatMap((family) => parameterTypes(family).map(() => (form === "one" ? null : "{}")));
        await expect(pool.query(flushStatement(0, families, form), [lease.replicaId, lease.epoch, 10, 1, ...nothing])).resolves.toMatchObject({ rowCount: 1 });
      }
    }
  });

  test("flushes of so many families that their names are alike for longer than Postgres compares have statements of their own", async () => {
    const connection = new FlushConnection(database.url, lease, 11, log);
    await connection.open();
    const job = waiting();
    const changes: FlowChange[] = [
      { kind: "flow_event", seq: 1, atMs: Date.now(), eventsJson: "[]", stateJson: undefined },
      { kind: "flow_item", items: [{ place: "loop", part: "value", index: 0, json: "1" }] },
      { kind: "flow_next", dueAtMs: undefined, awake: true },
      { kind: "flow_over" },
      { kind: "flow_approved", number: "1" },
      { kind: "flow_cached", key: "k", expiresAtMs: Date.now(), resultJson: "1" },
    ];
    const flush = (of: readonly FlowChange[]): Promise<unknown> =>
      connection.run(
        laneOf(job.shard),
        of.map((change) => ({ kind: "flow", job, change })),
      );
    expect(await flush(changes)).toMatchObject({ kind: "committed" });
    expect(await flush([...changes.slice(1), { kind: "flow_used" }])).toMatchObject({ kind: "committed" });
    expect(await flush([...changes.map((change) => (change.kind === "flow_event" ? { ...change, seq: 2 } : change)), { kind: "flow_used" }])).toMatchObject({
      kind: "committed",
    });
    await connection.close();
  });

  test("after a take-over the old owner moves nothing and learns of it", async () => {
    const job = waiting();
    await submit(insert(job));
    const next = await joinCluster(pool, replica);
    expect(next.epoch).toBeGreaterThan(lease.epoch);
    expect(await renewLease(pool, lease, 0)).toMatchObject({ ours: false });
    const before = lost;
    await expect(submit({ kind: "claim", job, token: newToken(), agent })).rejects.toMatchObject({ code: "unavailable" });
    await expect(submit(insert(waiting()))).rejects.toMatchObject({ code: "unavailable" });
    expect(lost).toBeGreaterThan(before);
    expect(await placesOf(job.id)).toEqual(["pending"]);
    await writer.stop();
    writer = await startWriter(next);
    expect(await submit({ kind: "claim", job, token: newToken(), agent })).toBe("moved");
  });
});

describe("plan", () => {
  test("every lane deletes through primary keys, also when the tables look empty to the planner", async () => {
    const client = new pg.Client({ connectionString: database.url, options: HOT_SETTINGS });
    await client.connect();
    try {
      for (const [lane, form] of Array.from({ length: LANES }, (_, lane) => FORMS.map((form) => [lane, form] as const)).flat()) {
        await client.query(`DEALLOCATE ALL; PREPARE flush_plan_${lane} AS ${flushStatement(lane, FAMILIES, form)}`);
        const parameters = await client.query<{ count: number }>("SELECT cardinality(parameter_types) AS count FROM pg_prepared_statements WHERE name = $1", [
          `flush_plan_${lane}`,
        ]);
        const values = Array.from({ length: parameters.rows[0]?.count ?? 0 }, (_, at) => (at < 4 ? "1" : form === "one" ? "NULL" : "'{}'")).join(", ");
        const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN EXECUTE flush_plan_${lane}(${values})`);
        const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
        expect(plan).not.toMatch(/Nested Loop|Merge Join/);
        expect(plan).not.toMatch(/Seq Scan on job_/);
        expect(plan).toMatch(new RegExp(`Index Scan (using|on) job_running_${lane}_pkey`));
        expect(plan).toMatch(new RegExp(`Index Scan (using|on) job_pending_${lane}_pkey`));
      }
    } finally {
      await client.end();
    }
  });

  test("workspaces are spread evenly over shards and lanes", () => {
    const counts = new Array<number>(LANES).fill(0);
    for (let id = 1; id <= 4000; id++) {
      const lane = laneOf(shardOf(asWorkspaceId(String(id))));
      counts[lane] = (counts[lane] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(900);
    expect(SHARDS % LANES).toBe(0);
  });
});

describe("operations that are never parted", () => {
  type Told = { readonly outcomes: FlushOutcome[]; readonly errors: unknown[] };
  const together = (operations: readonly FlushOperation[]): Promise<Told> =>
    new Promise((resolve) => {
      const told: Told = { outcomes: [], errors: [] };
      const heard = (): void => {
        if (told.outcomes.length + told.errors.length === operations.length) resolve(told);
      };
      writer.submitTogether(
        operations.map((operation) => ({
          operation,
          settle: (outcome) => {
            told.outcomes.push(outcome);
            heard();
          },
          fail: (error) => {
            told.errors.push(error);
            heard();
          },
        })),
      );
    });
  const eventsOf = (flow: WaitingJob, seq: number, eventsJson = "[]"): FlushOperation => ({
    kind: "flow",
    job: flow,
    change: { kind: "flow_event", seq, atMs: Date.now(), eventsJson, stateJson: undefined },
  });

  test("commit together: an end, what follows from it, and the next job", async () => {
    const [step, next, flow] = [waiting(), waiting(), waiting()];
    const token = newToken();
    await submit(insert(step, { token, agent }));
    const items = [{ place: "loop", part: "value", index: 3, json: "1" }] as const;
    const { outcomes } = await together([
      end(step, token),
      insert(next, { token: newToken(), agent }),
      { kind: "flow", job: flow, change: { kind: "flow_item", items } },
      { kind: "flow", job: flow, change: { kind: "flow_next", dueAtMs: 1_000_000, awake: false } },
      eventsOf(flow, 2),
    ]);
    expect(outcomes).toEqual(["moved", "moved", "moved", "moved", "moved"]);
    expect([await placesOf(step.id), await placesOf(next.id)]).toEqual([["done"], ["running"]]);
    const { rows } = await pool.query("SELECT seq, xmin::text = (SELECT xmin::text FROM job_done WHERE id = $2) AS same FROM flow_event WHERE id = $1", [
      flow.id,
      step.id,
    ]);
    expect(rows).toEqual([{ seq: 2, same: true }]);
    await together([{ kind: "flow", job: flow, change: { kind: "flow_over" } }]);
    expect((await pool.query("SELECT 1 FROM flow_live WHERE id = $1", [flow.id])).rowCount).toBe(0);
  });

  test("fail together with one error when the database refuses any of them, and neighbours in the flush do not notice", async () => {
    const [step, next, flow] = [waiting(), waiting(), waiting()];
    const token = newToken();
    await submit(insert(step, { token, agent }));
    const others = Array.from({ length: 20 }, () => submit(insert(waiting())));
    const { outcomes, errors } = await together([end(step, token, "\u0000"), insert(next), eventsOf(flow, 1)]);
    expect([outcomes.length, errors.length, new Set(errors).size]).toEqual([0, 3, 1]);
    expect(await Promise.all(others)).toEqual(others.map(() => "moved"));
    expect([await placesOf(step.id), await placesOf(next.id)]).toEqual([["running"], []]);
    expect((await pool.query("SELECT 1 FROM flow_event WHERE id = $1", [flow.id])).rowCount).toBe(0);
  });

  test("events have their numbers once: a second writer of the same run is refused", async () => {
    const flow = waiting();
    expect((await together([eventsOf(flow, 1)])).outcomes).toEqual(["moved"]);
    expect((await together([eventsOf(flow, 1)])).errors.length).toBe(1);
  });
});
