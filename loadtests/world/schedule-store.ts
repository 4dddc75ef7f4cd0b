import type pg from "pg";

/** What the tables have of the ticks between two moments. */
export interface TickRows {
  /** From each tick until its job began on an agent, milliseconds. */
  readonly startedAfterMs: readonly number[];
  /** From each tick until its job was recorded with it, milliseconds: it is durable by then. */
  readonly recordedAfterMs: readonly number[];
  readonly rows: number;
  readonly jobs: number;
  readonly notStarted: number;
}

export async function readTicks(sql: pg.Client, fromMs: number, untilMs: number): Promise<TickRows> {
  const { rows } = await sql.query<{ started_ms: number | null; recorded_ms: number; job_id: string | null }>(
    `SELECT (extract(epoch FROM d.started_at - r.due_at) * 1000)::float8 AS started_ms, (extract(epoch FROM r.todo_at - r.due_at) * 1000)::float8 AS recorded_ms, r.job_id::text
     FROM schedule_run r LEFT JOIN job_done d ON d.workspace_id = r.workspace_id AND d.id = r.job_id
     WHERE r.due_at >= to_timestamp($1::float8 / 1000) AND r.due_at < to_timestamp($2::float8 / 1000)`,
    [fromMs, untilMs],
  );
  return {
    startedAfterMs: rows.flatMap(({ started_ms: ms }) => ms ?? []),
    recordedAfterMs: rows.map(({ recorded_ms: ms }) => ms),
    rows: rows.length,
    jobs: new Set(rows.flatMap(({ job_id: id }) => id ?? [])).size,
    notStarted: rows.filter(({ started_ms: ms }) => ms === null).length,
  };
}

/** Jobs that schedules have started since a moment, whatever the rows of their ticks say. */
export async function countTickJobs(sql: pg.Client, fromMs: number, untilMs: number): Promise<number> {
  const bound = (ms: number): string => {
    const time = Math.floor(ms).toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
  };
  const { rows } = await sql.query<{ jobs: number }>("SELECT count(*)::int AS jobs FROM job WHERE id >= $1 AND id < $2 AND created_by LIKE 'schedule:%'", [
    bound(fromMs),
    bound(untilMs),
  ]);
  return rows[0]?.jobs ?? 0;
}
