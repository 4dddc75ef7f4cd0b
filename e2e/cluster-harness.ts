import pg from "pg";
import type { TestContext } from "vitest";
import type { TestDatabase } from "../control-plane/db/test-database.ts";
import { shardOf } from "../control-plane/jobs/model.ts";
import { asWorkspaceId } from "../kernel/ids.ts";
import { createWorldDatabase, startWorld, until, type World } from "./harness.ts";

/** Several real replicas on one database, each with its own ports and state folder, and workspaces spread over all shards. */
export class Cluster {
  readonly replicas: World[] = [];
  readonly named = new Map<string, World>();
  readonly database: TestDatabase;
  readonly pool: pg.Pool;
  /** Names of the workspaces, with their shards. */
  readonly workspaces = new Map<string, number>();
  readonly #testId: string | undefined;

  private constructor(database: TestDatabase, testId?: string) {
    this.database = database;
    this.#testId = testId;
    this.pool = new pg.Pool({ connectionString: database.url, max: 2 });
    this.pool.on("error", () => undefined);
  }

  /** For all tests of a file. */
  static async create(): Promise<Cluster> {
    return new Cluster(await createWorldDatabase());
  }

  /** One that ends with the test. */
  static async open({ task, onTestFinished }: TestContext): Promise<Cluster> {
    const cluster = new Cluster(await createWorldDatabase(), task.id);
    onTestFinished(() => cluster.close());
    return cluster;
  }

  async start(name: string, options: { env?: NodeJS.ProcessEnv; databaseUrl?: string } = {}): Promise<World> {
    const env = { MILLRACE_REPLICA_NAME: name, ...options.env };
    const replica = await startWorld({ databaseUrl: options.databaseUrl ?? this.database.url, env, testId: this.#testId });
    this.replicas.push(replica);
    this.named.set(name, replica);
    return replica;
  }

  /** Workspaces on as many different shards. */
  async makeWorkspaces(count: number): Promise<void> {
    for (let made = 0; this.workspaces.size < count; made++) {
      const { rows } = await this.pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ($1) RETURNING id::text", [`w${made}`]);
      const shard = shardOf(asWorkspaceId(rows[0]?.id ?? ""));
      if (![...this.workspaces.values()].includes(shard)) this.workspaces.set(`w${made}`, shard);
    }
  }

  /** Shards that the map gives to a replica. */
  async shardsOf(name: string): Promise<number[]> {
    const { rows } = await this.pool.query<{ shard: number }>("SELECT shard FROM shard_map JOIN replica_lease USING (replica_id) WHERE name = $1 ORDER BY 1", [
      name,
    ]);
    return rows.map((row) => row.shard);
  }

  /** Waits until all replicas have their part, and all are linked to each other. */
  async balanced(replicas: readonly World[] = this.replicas): Promise<void> {
    await until("the shards are spread and everybody knows", async () => {
      const [least, most] = [Math.floor(64 / replicas.length), Math.ceil(64 / replicas.length)];
      for (const replica of replicas) {
        const { millrace_shards_owned: owned, millrace_shards_missing: missing, millrace_peer_links: links } = await metricsOf(replica);
        if (owned === undefined || owned < least || owned > most || missing !== 0 || links !== replicas.length - 1) return false;
      }
      return true;
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()));
    await this.pool.end();
    await this.database.drop();
  }
}

/** Gauges and counters without labels. */
export async function metricsOf(replica: World): Promise<Record<string, number | undefined>> {
  const text = await (await fetch(`http://127.0.0.1:${replica.httpPort}/metrics`)).text();
  return Object.fromEntries([...text.matchAll(/^(millrace_\w+) (\S+)$/gm)].map(([, name, value]) => [name ?? "", Number(value)]));
}

/** A request to one replica, as the administrator, in any workspace. @param key idempotency key */
export async function ask<T>(
  replica: World,
  workspace: string,
  method: string,
  path: string,
  body?: unknown,
  key?: string,
): Promise<{ status: number; body: T }> {
  const response = await fetch(`http://127.0.0.1:${replica.httpPort}/api/v1/w/${workspace}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${replica.credentials.admin_token}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key !== undefined && { "idempotency-key": key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: ((response.headers.get("content-type") ?? "").includes("json") ? JSON.parse(text) : text) as T };
}

export const noop = { code: { language: "noop", content: "" } };

/** Keeps posting one small job after the other to a workspace, and remembers those that were accepted. */
export class Load {
  readonly accepted: string[] = [];
  refused = 0;
  #on = true;
  readonly #done: Promise<void>;

  constructor(replica: World, workspace: string, everyMs: number) {
    this.#done = this.#run(replica, workspace, everyMs);
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#done;
  }

  async #run(replica: World, workspace: string, everyMs: number): Promise<void> {
    while (this.#on) {
      const answer = await ask<{ id?: string }>(replica, workspace, "POST", "/jobs", noop).catch(() => undefined);
      if (answer?.status === 201 && answer.body.id !== undefined) this.accepted.push(answer.body.id);
      else this.refused += 1;
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

export interface Ends {
  readonly count: number;
  readonly notSucceeded: number;
  readonly waiting: number;
}

/** What became of jobs, once none is under way any more. */
export async function endsOf(pool: pg.Pool, ids: readonly string[], withinMs = 60_000): Promise<Ends> {
  const read = async (): Promise<Ends> => {
    const { rows } = await pool.query<{ count: number; bad: number; waiting: number }>(
      `SELECT (SELECT count(*)::int FROM job_done WHERE id = ANY($1::uuid[])) AS count,
         (SELECT count(*)::int FROM job_done WHERE id = ANY($1::uuid[]) AND outcome <> 0) AS bad,
         ((SELECT count(*) FROM job_pending WHERE id = ANY($1::uuid[])) + (SELECT count(*) FROM job_running WHERE id = ANY($1::uuid[])))::int AS waiting`,
      [ids],
    );
    const row = rows[0];
    if (row === undefined) throw new Error("no counts");
    return { count: row.count, notSucceeded: row.bad, waiting: row.waiting };
  };
  await until("nothing is under way", async () => (await read()).waiting === 0, withinMs);
  return read();
}

/** The longest that jobs of a workspace took from their acceptance to their end, milliseconds. */
export async function slowest(pool: pg.Pool, ids: readonly string[]): Promise<number> {
  const { rows } = await pool.query<{ ms: number | null }>(
    `SELECT max(extract(epoch FROM done_at) * 1000 - ('x' || lpad(replace(left(id::text, 13), '-', ''), 16, '0'))::bit(64)::bigint)::float8 AS ms
     FROM job_done WHERE id = ANY($1::uuid[])`,
    [ids],
  );
  return rows[0]?.ms ?? 0;
}
