import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { AppError, isLostConnection, messageOf } from "../../kernel/app-error.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import { type AppliedMigration, type Migration, pendingMigrations, readMigrations } from "./migration-files.ts";
import { type Announce, buildAhead, buildConcurrently, indexesAhead, newIndexOf } from "./online-index.ts";
import { splitStatements } from "./split-statements.ts";

export interface MigrateOptions {
  /** Where the `NNNN_verb_noun.sql` files are; the repository's `migrations` by default. */
  readonly folder?: string;
  /** How long at most a statement may wait for a lock on a table before the file is rolled back and tried again. The first tries wait less. */
  readonly lockTimeoutMs?: number;
  /** How long to wait for another process that is migrating. */
  readonly waitMs?: number;
  /** Called before an index is built on a table that is in use. */
  readonly onIndex?: Announce;
  /** Called after each file that was applied. */
  readonly onApplied?: (name: string, tookMs: number) => void;
}

export interface MigrateResult {
  /** Names of the files that were applied now, in order. */
  readonly applied: string[];
}

/** The repository's migrations. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));

const OLDEST_SERVER = 150_000;
const TRIES = 20;
const FIRST_LOCK_WAIT_MS = 50;
/** Any number that only this runner uses. */
const ADVISORY_LOCK = 7_205_759_403;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";

const CREATE_TABLE = `
  create table if not exists schema_migration (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
  )`;
const INSERT_APPLIED = "insert into schema_migration (version, name, checksum) values ($1, $2, $3)";

/**
 * Brings the schema up to date. Safe to run from several processes at once: one works, the others wait and find nothing to do.
 * Each file commits together with its row in `schema_migration`, so a crash leaves whole files only.
 * @param url a direct connection to the server: session locks do not survive a transaction pooler
 * @throws AppError failed_precondition for a server before PostgreSQL 15, a newer schema or a changed file; unavailable when
 *   another process migrates for too long; other failures of the SQL as they are, with the file named
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<MigrateResult> {
  const files = readMigrations(options.folder ?? MIGRATIONS_FOLDER);
  const client = new Client({ connectionString: url, application_name: "millrace/migrate", keepAlive: true });
  client.on("error", () => {
    // The running query reports it; without a listener it would end the process.
  });
  try {
    await connect(client);
    await checkServer(client);
    await takeAdvisoryLock(client, options.waitMs ?? 10 * 60_000);
    await client.query(CREATE_TABLE);
    const { rows } = await client.query<AppliedMigration>("select version, name, checksum from schema_migration order by version");
    const pending = pendingMigrations(files, rows);
    for (const migration of pending) {
      const startedMs = performance.now();
      await applyWithRetries(client, migration, options);
      options.onApplied?.(migration.name, Math.round(performance.now() - startedMs));
    }
    return { applied: pending.map((migration) => migration.name) };
  } finally {
    // Ends the session, and with it the lock.
    await client.end().catch(() => undefined);
  }
}

async function connect(client: Client): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    if (isLostConnection(error)) throw AppError.from(error);
    throw new AppError("failed_precondition", `the database refused the connection: ${messageOf(error)}`, {
      hint: "Check the address, the user and the password.",
      cause: error,
    });
  }
}

async function checkServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ number: number; name: string }>(
    "select current_setting('server_version_num')::int as number, current_setting('server_version') as name",
  );
  const [server] = rows;
  if (server !== undefined && server.number >= OLDEST_SERVER) return;
  throw new AppError("failed_precondition", `the database server is PostgreSQL ${server?.name ?? "?"}; version 15 or later is needed`);
}

/**
 * Polls instead of waiting inside pg_advisory_lock: a waiting statement holds a snapshot, and CREATE INDEX CONCURRENTLY of the
 * process that has the lock would wait for that snapshot for ever.
 */
async function takeAdvisoryLock(client: Client, waitMs: number): Promise<void> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [ADVISORY_LOCK]);
    if (rows[0]?.taken === true) return;
    if (performance.now() > deadlineMs)
      throw new AppError("unavailable", "another process is migrating this database and does not come to an end", {
        hint: "Look for application_name 'millrace/migrate' in pg_stat_activity.",
      });
    await sleep(50 + Math.random() * 100);
  }
}

/** A statement that waits for a table lock makes everybody behind it wait too: give up quickly, and come back after a pause. */
async function applyWithRetries(client: Client, migration: Migration, { lockTimeoutMs = 3_000, onIndex }: MigrateOptions): Promise<void> {
  await client.query("set statement_timeout = 0");
  for (let attempt = 0; ; attempt++) {
    const lockWaitMs = Math.min(lockTimeoutMs, FIRST_LOCK_WAIT_MS * 2 ** attempt);
    try {
      await (migration.outsideTransaction ? applyOutside(client, migration, lockWaitMs, onIndex) : applyInside(client, migration, lockWaitMs, onIndex));
      return;
    } catch (error) {
      const code = codeOf(error);
      const busy = code === LOCK_NOT_AVAILABLE || code === DEADLOCK;
      if (!busy || attempt + 1 === TRIES) throw failureOf(error, migration, busy);
      await sleep(backoffMs(attempt, 250, 5_000, Math.random()));
    }
  }
}

async function limitLockWaits(client: Client, lockWaitMs: number): Promise<void> {
  await client.query("select set_config('lock_timeout', $1, false)", [`${lockWaitMs}ms`]);
}

async function applyInside(client: Client, migration: Migration, lockWaitMs: number, onIndex?: Announce): Promise<void> {
  for (const index of indexesAhead(migration.sql)) await buildAhead(client, index, onIndex);
  await limitLockWaits(client, lockWaitMs);
  await client.query("begin");
  try {
    await client.query(migration.sql);
    if (client.getTransactionStatus() !== "T")
      throw new AppError("failed_precondition", "it ends its own transaction; use the header -- no-transaction for that");
    await client.query(INSERT_APPLIED, [migration.version, migration.name, migration.checksum]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function applyOutside(client: Client, migration: Migration, lockWaitMs: number, onIndex?: Announce): Promise<void> {
  for (const statement of splitStatements(migration.sql)) {
    const index = newIndexOf(statement);
    if (index === undefined) {
      await limitLockWaits(client, lockWaitMs);
      await client.query(statement);
    } else {
      onIndex?.(index.name, index.table);
      await buildConcurrently(client, index.name, statement);
    }
  }
  await client.query(INSERT_APPLIED, [migration.version, migration.name, migration.checksum]);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Names the file; a lost connection stays what it is. */
function failureOf(error: unknown, migration: Migration, busy: boolean): AppError {
  const known = AppError.from(error);
  if (busy)
    return new AppError("unavailable", `the migration ${migration.name} could not get its locks after ${TRIES} tries`, {
      hint: "Look for long transactions in pg_stat_activity.",
      cause: error,
    });
  if (known.code === "unavailable" || !(error instanceof Error)) return known;
  const position = "position" in error && typeof error.position === "string" ? ` (line ${lineAt(migration.sql, Number(error.position))})` : "";
  return new AppError("failed_precondition", `the migration ${migration.name} failed${migration.outsideTransaction ? "" : position}: ${error.message}`, {
    cause: error,
  });
}

function lineAt(sql: string, position: number): number {
  return sql.slice(0, position).split("\n").length;
}
