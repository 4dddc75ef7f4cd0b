import type pg from "pg";

/** What Postgres itself counts, and what the run reads from its tables. */
export interface DatabaseCounters {
  readonly walBytes: number;
  readonly commits: number;
  readonly connections: number;
  /** Calls of statements by the product; NaN without pg_stat_statements. */
  readonly statements: number;
}

/**
 * @param outside a connection to another database of the server, so that the look is not counted itself. Backends report their commits
 * at most once a second: over a window of ten seconds or more that is noise.
 */
export async function readCounters(outside: pg.Client, withStatements: boolean): Promise<DatabaseCounters> {
  const { rows } = await outside.query<{ wal: string; commits: string; connections: string }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text AS wal,
            (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'millrace')::text AS commits,
            (SELECT count(*) FROM pg_stat_activity WHERE datname = 'millrace' AND application_name LIKE 'millrace%')::text AS connections`,
  );
  let statements = Number.NaN;
  if (withStatements) {
    const counted = await outside.query<{ calls: string }>(
      "SELECT coalesce(sum(s.calls), 0)::text AS calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = 'millrace'",
    );
    statements = Number(counted.rows[0]?.calls);
  }
  const row = rows[0];
  return { walBytes: Number(row?.wal), commits: Number(row?.commits), connections: Number(row?.connections), statements };
}

/** Bytes of the hot tables with their indexes, dead rows included, and of all history. */
export async function readSizes(sql: pg.Client): Promise<{ hotBytes: number; historyBytes: number }> {
  const { rows } = await sql.query<{ hot: string; history: string }>(
    `SELECT coalesce(sum(size) FILTER (WHERE hot), 0)::text AS hot, coalesce(sum(size) FILTER (WHERE NOT hot), 0)::text AS history
     FROM (SELECT c.relname ~ '^job_(pending|running)' AS hot, pg_total_relation_size(c.oid) AS size
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname ~ '^job(_|$)') t`,
  );
  return { hotBytes: Number(rows[0]?.hot), historyBytes: Number(rows[0]?.history) };
}

/** Jobs that were made since a moment (wall clock), by what has become of them, and whatever is open. */
export async function countJobs(sql: pg.Client, sinceMs: number): Promise<{ open: number; done: number; unsuccessful: number }> {
  const time = Math.floor(sinceMs).toString(16).padStart(12, "0");
  const { rows } = await sql.query<{ open: string; done: string; unsuccessful: string }>(
    `SELECT ((SELECT count(*) FROM job_pending) + (SELECT count(*) FROM job_running))::text AS open,
            count(*)::text AS done, (count(*) FILTER (WHERE outcome <> 0))::text AS unsuccessful FROM job_done WHERE id >= $1`,
    [`${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`],
  );
  return { open: Number(rows[0]?.open), done: Number(rows[0]?.done), unsuccessful: Number(rows[0]?.unsuccessful) };
}

/** There is no call of the API that makes workspaces yet. */
export async function makeWorkspaces(sql: pg.Client, names: readonly string[]): Promise<void> {
  await sql.query("INSERT INTO workspace (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", [names]);
}

/** When the program of each job began, wall clock, by job id: for jobs of the real agent. */
export async function readStarts(sql: pg.Client): Promise<{ id: string; startedUs: number; succeeded: boolean }[]> {
  const { rows } = await sql.query<{ id: string; started_us: string; outcome: number }>(
    "SELECT id::text, (extract(epoch FROM started_at) * 1000000)::bigint::text AS started_us, outcome FROM job_done WHERE started_at IS NOT NULL",
  );
  return rows.map((row) => ({ id: row.id, startedUs: Number(row.started_us), succeeded: row.outcome === 0 }));
}
