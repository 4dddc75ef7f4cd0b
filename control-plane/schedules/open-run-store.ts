import { asWorkspaceId, type JobId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { HEALTHY, type Health } from "./handlers-core.ts";
import type { RunRef, ScheduleRef } from "./model.ts";
import { claimTicks, msOf, readDue, readOccupancy, recordRuns, takeWaiting } from "./tick-store.ts";
import type { Settled, TickTables } from "./tick-tables.ts";
import { type OpenRow, openRun, plannedRun, WORK_COLUMNS } from "./work-rows.ts";

/** The tables of the database. @param pool several tickers may be at it at once */
export function createTickTables(pool: Pool): TickTables {
  return {
    due: (shards, untilMs, limit) => readDue(pool, shards, untilMs, limit),
    claim: (moves, isNew) => claimTicks(pool, moves, isNew),
    occupancy: (refs) => readOccupancy(pool, refs),
    record: (records) => recordRuns(pool, records),
    nextWaiting: async (schedule) => {
      const row = await takeWaiting(pool, schedule);
      return row === undefined ? undefined : plannedRun(row);
    },
    open: (after, limit) => readOpen(pool, after, limit).then((rows) => rows.map(openRun)),
    retake: (runs, leftForMs) => retake(pool, runs, leftForMs),
    settle: (run, next) => settle(pool, run, next),
    handled: (run, job, note) => recordHandler(pool, run, job, note),
    prune: (schedules, keep) => prune(pool, schedules, keep),
  };
}

async function readOpen(pool: Pool, after: RunRef | undefined, limit: number): Promise<OpenRow[]> {
  const { rows } = await pool.query<OpenRow>(
    `SELECT r.workspace_id::text, r.schedule_id::text, ${msOf("r.due_at")} AS due_ms, r.asked_by, r.todo, r.job_id::text, r.note, r.handler, s.failures,
       ${msOf("clock_timestamp() - r.todo_at")} AS todo_for_ms, ${msOf("clock_timestamp() - r.claimed_at")} AS claimed_for_ms, ${WORK_COLUMNS}
     FROM schedule_run r JOIN schedule d ON d.workspace_id = r.workspace_id AND d.id = r.schedule_id
       JOIN schedule_state s ON s.workspace_id = r.workspace_id AND s.schedule_id = r.schedule_id
     WHERE r.todo IS NOT NULL AND (r.workspace_id, r.schedule_id, r.due_at) > ($1::bigint, $2::bigint, to_timestamp($3::float8 / 1000))
     ORDER BY r.workspace_id, r.schedule_id, r.due_at LIMIT $4`,
    [after?.workspace ?? "0", after?.id ?? "0", after?.dueMs ?? 0, limit],
  );
  return rows;
}

async function retake(pool: Pool, runs: readonly RunRef[], leftForMs: number): Promise<RunRef[]> {
  if (runs.length === 0) return [];
  const { rows } = await pool.query<{ workspace_id: string; schedule_id: string; due_ms: number }>(
    `UPDATE schedule_run r SET todo_at = clock_timestamp() FROM unnest($1::bigint[], $2::bigint[], $3::float8[]) AS w(workspace_id, schedule_id, due_ms)
     WHERE r.workspace_id = w.workspace_id AND r.schedule_id = w.schedule_id AND r.due_at = to_timestamp(w.due_ms / 1000)
       AND r.todo IN ('start', 'handle') AND r.todo_at <= clock_timestamp() - make_interval(secs => $4::float8 / 1000)
     RETURNING r.workspace_id::text, r.schedule_id::text, ${msOf("r.due_at")} AS due_ms`,
    [runs.map(({ workspace }) => workspace), runs.map(({ id }) => id), runs.map(({ dueMs }) => dueMs), leftForMs],
  );
  return rows.map((row) => ({ workspace: asWorkspaceId(row.workspace_id), id: row.schedule_id, dueMs: row.due_ms }));
}

const OF_RUN = "workspace_id = $1 AND schedule_id = $2 AND due_at = to_timestamp($3::float8 / 1000)";

async function settle(pool: Pool, run: RunRef, next: Parameters<TickTables["settle"]>[1]): Promise<Settled> {
  const key = [run.workspace, run.id, run.dueMs];
  if (next === undefined) {
    const { rowCount } = await pool.query(`UPDATE schedule_run SET todo = NULL WHERE ${OF_RUN} AND todo = 'watch'`, key);
    return rowCount === 1 ? { kind: "settled", call: undefined, failures: 0 } : { kind: "elsewhere" };
  }
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    // The state first, as everywhere: two ends of one schedule are counted one after the other.
    const { rows } = await client.query<{ failures: number; successes: number; is_down: boolean }>(
      "SELECT failures, successes, is_down FROM schedule_state WHERE workspace_id = $1 AND schedule_id = $2 FOR NO KEY UPDATE",
      [run.workspace, run.id],
    );
    const [row] = rows;
    const before: Health = row === undefined ? HEALTHY : { failures: row.failures, successes: row.successes, isDown: row.is_down };
    const { health, call } = next(before);
    const { rowCount } = await client.query(
      `UPDATE schedule_run SET todo = CASE WHEN $4::text IS NULL THEN NULL ELSE 'handle' END, todo_at = clock_timestamp(), handler = $4 WHERE ${OF_RUN} AND todo = 'watch'`,
      [...key, call ?? null],
    );
    if (rowCount === 1)
      await client.query("UPDATE schedule_state SET failures = $3, successes = $4, is_down = $5 WHERE workspace_id = $1 AND schedule_id = $2", [
        run.workspace,
        run.id,
        health.failures,
        health.successes,
        health.isDown,
      ]);
    await client.query("COMMIT");
    return rowCount === 1 ? { kind: "settled", call, failures: call === "recovery" ? before.failures : health.failures } : { kind: "elsewhere" };
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

async function recordHandler(pool: Pool, run: RunRef, job: JobId | undefined, note: string | undefined): Promise<void> {
  await pool.query(`UPDATE schedule_run SET todo = NULL, handler_job = $4, note = coalesce($5, note) WHERE ${OF_RUN} AND todo = 'handle'`, [
    run.workspace,
    run.id,
    run.dueMs,
    job ?? null,
    note ?? null,
  ]);
}

async function prune(pool: Pool, schedules: readonly ScheduleRef[], keep: number): Promise<void> {
  await pool.query(
    `DELETE FROM schedule_run r USING unnest($1::bigint[], $2::bigint[]) AS w(workspace_id, schedule_id)
     WHERE r.workspace_id = w.workspace_id AND r.schedule_id = w.schedule_id AND r.todo IS NULL
       AND r.due_at < (SELECT x.due_at FROM schedule_run x WHERE x.workspace_id = w.workspace_id AND x.schedule_id = w.schedule_id
                       ORDER BY x.due_at DESC OFFSET $3 LIMIT 1)`,
    [schedules.map(({ workspace }) => workspace), schedules.map(({ id }) => id), keep],
  );
}
