import type pg from "pg";
import type { StepTimes } from "../load/step-parts.ts";

/** What the tables have of a run: its steps that succeeded, when the first of them began, and the largest row of its events. */
export async function readFlow(sql: pg.Client, flow: string): Promise<{ children: number; firstStartMs: number; rowBytes: number }> {
  const { rows } = await sql.query<{ children: number; first_ms: number; row_bytes: number }>(
    `SELECT count(*)::int AS children, (extract(epoch FROM min(d.started_at)) * 1000)::float8 AS first_ms,
       (SELECT max(octet_length(events) + coalesce(octet_length(state), 0)) FROM flow_event WHERE id = $1)::int AS row_bytes
     FROM job j JOIN job_done d USING (workspace_id, id) WHERE j.kind = 4 AND d.outcome = 0 AND j.policy LIKE '{"flow":{"id":"' || $1::text || '"%'`,
    [flow],
  );
  const [row] = rows;
  return { children: row?.children ?? 0, firstStartMs: row?.first_ms ?? Number.NaN, rowBytes: row?.row_bytes ?? 0 };
}

/** The steps of a run that succeeded, in the order in which they were made. */
export async function readFlowSteps(sql: pg.Client, flow: string): Promise<StepTimes[]> {
  const { rows } = await sql.query<{ id: string; started_ms: number; run_ms: number }>(
    `SELECT j.id::text, (extract(epoch FROM d.started_at) * 1000)::float8 AS started_ms, (d.run_us / 1000.0)::float8 AS run_ms
     FROM job j JOIN job_done d USING (workspace_id, id) WHERE j.kind = 4 AND d.outcome = 0 AND j.policy LIKE '{"flow":{"id":"' || $1::text || '"%' ORDER BY j.id`,
    [flow],
  );
  return rows.map((row) => ({ madeMs: Number.parseInt(row.id.slice(0, 8) + row.id.slice(9, 13), 16), startedMs: row.started_ms, runMs: row.run_ms }));
}
