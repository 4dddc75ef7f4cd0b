import pg from "pg";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Log } from "../telemetry/log.ts";
import { requestWorkspace } from "./tenant-context.ts";

export type Pool = pg.Pool;

/** Connections by duty, so that one kind of work cannot starve another. */
export interface Pools {
  /** API and console reads and writes. */
  readonly api: Pool;
  /**
   * For tables of the console (scripts, variables, members and the like). In a request its statements run under a role to which row-level security
   * shows one workspace; elsewhere it is `api`. A round trip more for each statement: nothing hot uses it.
   */
  readonly console: Pool;
  /** What the scheduler reads back, and the look for what other replicas change: readers of logs and lists must not be able to hold them up. */
  readonly owner: Pool;
  /** Registration of agents: when hundreds come back at once, the API does not wait for them. */
  readonly agents: Pool;
  /** Log chunks: never in front of claims. */
  readonly logs: Pool;
  /** Ticks of schedules: never behind readers. */
  readonly schedules: Pool;
  /** Lease renewals: never behind anything. */
  readonly lease: Pool;
  close(): Promise<void>;
}

/**
 * The scheduler reads pages of queues in the order of an index. Statistics of the hot tables are always wrong: without these settings a
 * table that looks empty is read whole and sorted for each page.
 */
export const OWNER_SETTINGS =
  "-c statement_timeout=10s -c lock_timeout=2s -c plan_cache_mode=force_custom_plan -c jit=off -c enable_seqscan=off -c enable_bitmapscan=off";

const API_SETTINGS = "-c statement_timeout=5s -c lock_timeout=1s -c idle_in_transaction_session_timeout=5s -c plan_cache_mode=force_custom_plan -c jit=off";
/** See migrations/0086. */
const TENANT_ROLE = "millrace_tenant";

/** Opens nothing yet: connections are made on demand and survive restarts of Postgres by being replaced. */
export function createPools(url: string, log: Log): Pools {
  let closing = false;
  const make = (duty: string, max: number, answerWithinMs: number, options: string): Pool => {
    const pool = new pg.Pool({
      connectionString: url,
      max,
      application_name: `millrace/${duty}`,
      options,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      query_timeout: answerWithinMs,
      idleTimeoutMillis: 60_000,
    });
    // A pool has ended before its connections have: an embedded Postgres that stops right after may still cut them.
    pool.on("error", (error) => {
      if (!closing) log.warn({ event: "db.connection_lost", duty, error: error.message }, "a database connection was lost");
    });
    return pool;
  };
  const api = make("api", 10, 7000, API_SETTINGS);
  const tenants = make("console", 5, 7000, `${API_SETTINGS} -c role=${TENANT_ROLE}`);
  const owner = make("owner", 3, 12_000, OWNER_SETTINGS);
  const agents = make("agents", 2, 7000, "-c statement_timeout=5s -c lock_timeout=2s -c plan_cache_mode=force_custom_plan -c jit=off");
  const logs = make("logs", 2, 35_000, "-c statement_timeout=30s -c lock_timeout=2s -c idle_in_transaction_session_timeout=10s -c jit=off");
  // As for the owner: thousands of rows come and go between two looks of the statistics.
  const schedules = make("schedules", 3, 7000, `${OWNER_SETTINGS} -c statement_timeout=5s -c idle_in_transaction_session_timeout=5s`);
  const lease = make("lease", 1, 7000, "-c statement_timeout=5s -c lock_timeout=5s -c idle_in_transaction_session_timeout=5s");
  return {
    api,
    console: consolePool(tenants, api),
    owner,
    agents,
    logs,
    schedules,
    lease,
    close: async () => {
      closing = true;
      await Promise.all([api.end(), tenants.end(), owner.end(), agents.end(), logs.end(), schedules.end(), lease.end()]);
    },
  };
}

/**
 * A pool of the same shape in front of two. In a request: a connection that is the tenants' role from its beginning, told the workspace each time
 * that it is taken, so that none is ever used for the one of before; not a transaction, so that a statement that was answered is committed. Outside
 * of requests: the other pool.
 * @param tenants whose connections begin as the role, and that nobody else uses
 */
function consolePool(tenants: Pool, api: Pool): Pool {
  async function take(workspace: WorkspaceId): Promise<pg.PoolClient> {
    const client = await tenants.connect();
    try {
      await client.query("SELECT set_config('millrace.workspace', $1, false)", [workspace]);
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
  async function query(workspace: WorkspaceId, args: unknown[]): Promise<unknown> {
    const client = await take(workspace);
    let failed = true;
    try {
      const answer: unknown = await Reflect.apply(client.query, client, args);
      failed = false;
      return answer;
    } finally {
      client.release(failed);
    }
  }
  return new Proxy(api, {
    get(target, name) {
      const workspace = requestWorkspace();
      if (workspace !== undefined && name === "query") return (...args: unknown[]) => query(workspace, args);
      if (workspace !== undefined && name === "connect") return () => take(workspace);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
