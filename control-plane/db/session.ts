import pg from "pg";

/** What a task may do with the connection that it has to itself. */
export interface Session {
  query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<{ rows: R[] }>;
  /** Runs statements in one transaction; a thrown error rolls it back. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
}

/** DDL waits for others; a statement that takes longer than this has gone wrong, and is taken up again by a later round. */
const OPTIONS =
  "-c statement_timeout=15min -c lock_timeout=60s -c idle_in_transaction_session_timeout=2min -c jit=off -c application_name=millrace/housekeeping";

/**
 * Runs `work` on a connection of its own that holds an advisory lock as long as it lives: over all replicas at most one work of a name runs
 * at a time, and a work that has lost its connection has lost its hands too.
 * @param signal cuts the connection: the work fails at its next statement
 * @returns undefined when another one holds the lock
 */
export async function withExclusiveSession<T>(
  url: string,
  name: string,
  work: (session: Session) => Promise<T>,
  signal = AbortSignal.any([]),
): Promise<T | undefined> {
  const client = new pg.Client({ connectionString: url, options: OPTIONS, keepAlive: true, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {
    // The running query reports it; without a listener it would end the process.
  });
  const broken = (): void => void client.end().catch(() => undefined);
  signal.throwIfAborted();
  await client.connect();
  signal.addEventListener("abort", broken);
  try {
    const { rows } = await client.query<{ locked: boolean }>("SELECT pg_try_advisory_lock(hashtext('millrace.task'), hashtext($1)) AS locked", [name]);
    if (rows[0]?.locked !== true) return undefined;
    const result = await work(sessionOf(client));
    // Ending the session gives the lock back too, a moment later.
    await client.query("SELECT pg_advisory_unlock_all()");
    return result;
  } finally {
    signal.removeEventListener("abort", broken);
    await client.end().catch(() => undefined);
  }
}

function sessionOf(client: pg.Client): Session {
  return {
    query: (text, values) => client.query(text, values === undefined ? undefined : [...values]),
    async transaction(work) {
      await client.query("BEGIN");
      try {
        const result = await work();
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK").catch(() => undefined);
        throw error;
      }
    },
  };
}

const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";

/** True when a statement gave up waiting for a lock: nothing was done, and trying again makes sense. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === LOCK_NOT_AVAILABLE || error.code === DEADLOCK);
}
