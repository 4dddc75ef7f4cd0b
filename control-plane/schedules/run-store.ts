import { AppError } from "../../kernel/app-error.ts";
import { asJobId, type JobId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { RUN_STATES } from "./contract.ts";
import type { RunRecord, ScheduleRef, Timing } from "./model.ts";
import { msOf } from "./tick-store.ts";

/** A run as its row has it. */
export interface StoredRun {
  readonly dueMs: number;
  readonly state: RunRecord["state"];
  readonly askedBy: string | undefined;
  readonly job: JobId | undefined;
  readonly note: string | undefined;
  /** Of missed ticks: the last of them, and their pattern. */
  readonly missed: (Timing & { readonly untilMs: number }) | undefined;
  readonly handler: "error" | "recovery" | undefined;
  readonly handlerJob: string | undefined;
}

interface StoredRow {
  due_ms: number;
  state: string;
  asked_by: string | null;
  job_id: string | null;
  note: string | null;
  until_ms: number | null;
  cron: string | null;
  zone: string | null;
  handler: "error" | "recovery" | null;
  handler_job: string | null;
}

/** Runs of a schedule, newest first. @param beforeMs undefined: from the newest on */
export async function listRuns(pool: Pool, schedule: ScheduleRef, beforeMs: number | undefined, limit: number): Promise<StoredRun[]> {
  const { rows } = await pool.query<StoredRow>(
    `SELECT ${msOf("due_at")} AS due_ms, state, asked_by, job_id::text, note, ${msOf("until_at")} AS until_ms, cron, zone, handler, handler_job::text
     FROM schedule_run WHERE workspace_id = $1 AND schedule_id = $2 AND ($3::float8 IS NULL OR due_at < to_timestamp($3::float8 / 1000)) ORDER BY due_at DESC LIMIT $4`,
    [schedule.workspace, schedule.id, beforeMs ?? null, limit],
  );
  return rows.map((row) => ({
    dueMs: row.due_ms,
    state: RUN_STATES.find((state) => state === row.state) ?? "failed",
    askedBy: row.asked_by ?? undefined,
    job: row.job_id === null ? undefined : asJobId(row.job_id),
    note: row.note ?? undefined,
    missed: row.until_ms === null ? undefined : { untilMs: row.until_ms, cron: row.cron ?? "", zone: row.zone ?? "UTC" },
    handler: row.handler ?? undefined,
    handlerJob: row.handler_job ?? undefined,
  }));
}

/** Runs that may be asked for at one millisecond. */
const AT_ONCE = 200;

/**
 * Records a run that somebody asks for. Its moment is never one of a tick, since those are whole seconds.
 * @returns the moment under which it is recorded; undefined when the schedule is gone. Errors: resource_exhausted
 */
export async function insertAskedRun(pool: Pool, schedule: ScheduleRef, nowMs: number, by: string): Promise<number | undefined> {
  for (let dueMs = Math.floor(nowMs); dueMs < nowMs + AT_ONCE; dueMs++) {
    if (dueMs % 1000 === 0) continue;
    const { rows } = await pool.query<{ is_here: boolean; is_made: boolean }>(
      `WITH here AS (UPDATE schedule_state SET runs = runs + 1 WHERE workspace_id = $1 AND schedule_id = $2 RETURNING 1),
         made AS (
           INSERT INTO schedule_run (workspace_id, schedule_id, due_at, state, todo, asked_by)
           SELECT $1, $2, to_timestamp($3::float8 / 1000), 'starting', 'start', $4 FROM here ON CONFLICT DO NOTHING RETURNING 1)
       SELECT EXISTS (SELECT 1 FROM here) AS is_here, EXISTS (SELECT 1 FROM made) AS is_made`,
      [schedule.workspace, schedule.id, dueMs, by],
    );
    if (rows[0]?.is_here !== true) return undefined;
    if (rows[0].is_made) return dueMs;
  }
  throw new AppError("resource_exhausted", "too many runs of this schedule are asked for at once", { retryAfterS: 1 });
}
