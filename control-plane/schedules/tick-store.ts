import { asWorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import { shardOf } from "../jobs/model.ts";
import { tellEvents } from "../notifications/event-store.ts";
import { missedEvents } from "./missed-events.ts";
import type { DueSchedule, Move, Occupancy, RunRecord, RunRef, ScheduleRef } from "./model.ts";
import { type CatchUpRow, readCatchUp } from "./schedule-codec.ts";
import { type Claimed, keyOf } from "./tick-tables.ts";
import { NO_WORK, plannedRun, type RunRow, WORK_COLUMNS } from "./work-rows.ts";

/** Milliseconds of a moment. */
export const msOf = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** True while a job waits or runs: one snapshot, since it moves between the two. */
const isLive = (
  job: string,
  of: string,
): string => `(EXISTS (SELECT 1 FROM job_pending p WHERE p.id = ${job} AND p.workspace_id = ${of}.workspace_id AND p.shard = ${of}.shard)
  OR EXISTS (SELECT 1 FROM job_running g WHERE g.id = ${job} AND g.workspace_id = ${of}.workspace_id AND g.shard = ${of}.shard))`;

/** The job of the newest run of a schedule that a tick has started. */
const lastJob = (of: string): string => `(SELECT x.job_id FROM schedule_run x WHERE x.workspace_id = ${of}.workspace_id AND x.schedule_id = ${of}.schedule_id
  AND x.job_id IS NOT NULL AND x.asked_by IS NULL ORDER BY x.due_at DESC LIMIT 1)`;

const openCounts = "(count(*) FILTER (WHERE x.todo = 'start'))::int AS starting, (count(*) FILTER (WHERE x.todo = 'wait'))::int AS waiting";

export async function readDue(pool: Pool, shards: readonly number[], untilMs: number, limit: number): Promise<DueSchedule[]> {
  const { rows } = await pool.query<CatchUpRow & { workspace_id: string; schedule_id: string; next_ms: number; timing: number; cron: string; zone: string }>(
    `SELECT s.workspace_id::text, s.schedule_id::text, ${msOf("s.next_at")} AS next_ms, s.timing, d.cron, d.zone, d.catch_up, d.catch_up_max, d.catch_up_window_s
     FROM schedule_state s JOIN schedule d ON d.workspace_id = s.workspace_id AND d.id = s.schedule_id
     WHERE s.next_at <= to_timestamp($1::float8 / 1000) AND s.shard = ANY($2::smallint[]) ORDER BY s.next_at LIMIT $3`,
    [untilMs, shards, limit],
  );
  return rows.map((row) => ({
    workspace: asWorkspaceId(row.workspace_id),
    id: row.schedule_id,
    nextMs: row.next_ms,
    timing: row.timing,
    cron: row.cron,
    zone: row.zone,
    catchUp: readCatchUp(row),
  }));
}

/** The new rows are not seen by the statement that inserts them: the rest of it sees what was before. */
const CLAIM = `WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::integer[], $5::float8[], $6::integer[]) AS w(workspace_id, schedule_id, next_ms, timing, then_ms, rows)),
  moved AS (
    UPDATE schedule_state s SET next_at = to_timestamp(w.then_ms / 1000), runs = s.runs + w.rows FROM wanted w
    WHERE s.workspace_id = w.workspace_id AND s.schedule_id = w.schedule_id AND s.timing = w.timing AND s.next_at = to_timestamp(w.next_ms / 1000)
    RETURNING s.workspace_id, s.schedule_id, s.shard, s.runs, w.rows),
  made AS (
    INSERT INTO schedule_run (workspace_id, schedule_id, due_at, state, todo)
    SELECT workspace_id, schedule_id, to_timestamp(due_ms / 1000), 'starting', 'start'
    FROM unnest($7::bigint[], $8::bigint[], $9::float8[]) AS r(workspace_id, schedule_id, due_ms) JOIN moved USING (workspace_id, schedule_id)
    ON CONFLICT DO NOTHING RETURNING workspace_id, schedule_id, due_at),
  gone AS (
    INSERT INTO schedule_run (workspace_id, schedule_id, due_at, state, until_at, cron, zone)
    SELECT workspace_id, schedule_id, to_timestamp(from_ms / 1000), 'missed', to_timestamp(until_ms / 1000), cron, zone
    FROM unnest($10::bigint[], $11::bigint[], $12::float8[], $13::float8[], $14::text[], $15::text[]) AS r(workspace_id, schedule_id, from_ms, until_ms, cron, zone)
      JOIN moved USING (workspace_id, schedule_id)
    ON CONFLICT DO NOTHING RETURNING workspace_id, schedule_id)
  SELECT workspace_id::text, schedule_id::text, ${msOf("due_at")} AS due_ms, NULL AS runs, NULL AS rows, NULL AS has_missed, NULL AS is_busy, NULL AS waiting,
    NOT EXISTS (SELECT 1 FROM schedule_run x WHERE x.workspace_id = made.workspace_id AND x.schedule_id = made.schedule_id AND x.due_at >= made.due_at) AS is_new,
    ${NO_WORK} FROM made
  UNION ALL
  SELECT m.workspace_id::text, m.schedule_id::text, NULL, m.runs::text, m.rows, g.schedule_id IS NOT NULL, o.is_busy, o.waiting, NULL, ${WORK_COLUMNS}
  FROM moved m JOIN schedule d ON d.workspace_id = m.workspace_id AND d.id = m.schedule_id
    LEFT JOIN gone g ON g.workspace_id = m.workspace_id AND g.schedule_id = m.schedule_id
    LEFT JOIN LATERAL (
      SELECT e.starting > 0 OR (e.job_id IS NOT NULL AND ${isLive("e.job_id", "m")}) AS is_busy, e.waiting
      FROM (SELECT ${openCounts}, ${lastJob("m")} AS job_id FROM schedule_run x
        WHERE x.workspace_id = m.workspace_id AND x.schedule_id = m.schedule_id AND x.todo IS NOT NULL AND x.asked_by IS NULL) e
      WHERE d.overlap <> 'parallel') o ON true`;

/** One for each tick that was recorded, without what its schedule says, and one for each schedule that was moved on. */
type ClaimRow =
  | { workspace_id: string; schedule_id: string; due_ms: number; is_new: boolean }
  | (Omit<RunRow, "due_ms"> & { due_ms: null; runs: string; rows: number; has_missed: boolean; is_busy: boolean | null; waiting: number | null });

/** Where ticks were missed, hooks are told of it in the same transaction; without any, which is the usual case, it is one statement. */
export async function claimTicks(pool: Pool, moves: readonly Move[], isNew: () => boolean): Promise<Claimed> {
  if (moves.every(({ missed }) => missed === undefined)) return claimedOf(await runClaim(pool, moves), isNew);
  return inTransaction(pool, async (client) => {
    const rows = await runClaim(client, moves);
    const byKey = new Map(moves.map((move) => [keyOf(move), move]));
    const missed = rows.flatMap((row) => {
      if (row.due_ms !== null || !row.has_missed) return [];
      const schedule = { workspace: asWorkspaceId(row.workspace_id), id: row.schedule_id };
      const move = byKey.get(keyOf(schedule));
      return move === undefined ? [] : [{ ...schedule, path: row.path, move }];
    });
    await tellEvents(client, missedEvents(missed));
    return claimedOf(rows, isNew);
  });
}

async function runClaim(client: Queryable, moves: readonly Move[]): Promise<ClaimRow[]> {
  const run = moves.flatMap((move) => move.run.map((dueMs) => ({ ...move, dueMs })));
  const missed = moves.flatMap((move) => (move.missed === undefined ? [] : [{ ...move, ...move.missed }]));
  const refs = (of: readonly ScheduleRef[]): string[][] => [of.map(({ workspace }) => workspace), of.map(({ id }) => id)];
  const { rows } = await client.query<ClaimRow>(CLAIM, [
    ...refs(moves),
    moves.map(({ nextMs }) => nextMs),
    moves.map(({ timing }) => timing),
    moves.map(({ thenMs }) => thenMs ?? null),
    moves.map((move) => move.run.length + (move.missed === undefined ? 0 : 1)),
    ...refs(run),
    run.map(({ dueMs }) => dueMs),
    ...refs(missed),
    missed.map(({ fromMs }) => fromMs),
    missed.map(({ untilMs }) => untilMs),
    missed.map(({ cron }) => cron),
    missed.map(({ zone }) => zone),
  ]);
  return rows;
}

function claimedOf(rows: readonly ClaimRow[], isNew: () => boolean): Claimed {
  const moved: (ScheduleRef & { runs: number; rows: number })[] = [];
  const busy = new Map<string, Occupancy>();
  const works = new Map<string, Omit<RunRow, "due_ms">>();
  for (const row of rows) {
    if (row.due_ms !== null) continue;
    const schedule = { workspace: asWorkspaceId(row.workspace_id), id: row.schedule_id };
    moved.push({ ...schedule, runs: Number(row.runs), rows: row.rows });
    works.set(keyOf(schedule), row);
    if (row.is_busy !== null) busy.set(keyOf(schedule), { isBusy: row.is_busy, waiting: row.waiting ?? 0 });
  }
  const runs = rows.flatMap((row) => {
    const work = row.due_ms === null ? undefined : works.get(keyOf({ workspace: asWorkspaceId(row.workspace_id), id: row.schedule_id }));
    if (work === undefined || row.due_ms === null) return [];
    const run = plannedRun({ ...work, asked_by: null, due_ms: row.due_ms });
    return row.is_new ? [{ ...run, isNew }] : [run];
  });
  return { moved, runs, busy };
}

export async function readOccupancy(pool: Pool, refs: readonly RunRef[]): Promise<Map<string, Occupancy>> {
  if (refs.length === 0) return new Map();
  const { rows } = await pool.query<{ workspace_id: string; schedule_id: string; is_busy: boolean; waiting: number }>(
    `WITH asked AS MATERIALIZED (
       SELECT r.*, ${lastJob("r")} AS job_id
       FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::smallint[]) AS r(workspace_id, schedule_id, due_ms, shard))
     SELECT a.workspace_id::text, a.schedule_id::text, o.waiting,
       o.starting > 0 OR (a.job_id IS NOT NULL AND ${isLive("a.job_id", "a")}) AS is_busy
     FROM asked a CROSS JOIN LATERAL (
       SELECT ${openCounts} FROM schedule_run x
       WHERE x.workspace_id = a.workspace_id AND x.schedule_id = a.schedule_id AND x.due_at < to_timestamp(a.due_ms / 1000) AND x.todo IS NOT NULL AND x.asked_by IS NULL) o`,
    [refs.map(({ workspace }) => workspace), refs.map(({ id }) => id), refs.map(({ dueMs }) => dueMs), refs.map(({ workspace }) => shardOf(workspace))],
  );
  return new Map(
    rows.map((row) => [keyOf({ workspace: asWorkspaceId(row.workspace_id), id: row.schedule_id }), { isBusy: row.is_busy, waiting: row.waiting }]),
  );
}

export async function recordRuns(pool: Pool, records: readonly RunRecord[]): Promise<void> {
  await pool.query(
    `UPDATE schedule_run r SET state = w.state, job_id = w.job_id, note = w.note, todo = w.todo, todo_at = clock_timestamp()
     FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::text[], $5::uuid[], $6::text[], $7::text[]) AS w(workspace_id, schedule_id, due_ms, state, job_id, note, todo)
     WHERE r.workspace_id = w.workspace_id AND r.schedule_id = w.schedule_id AND r.due_at = to_timestamp(w.due_ms / 1000)
       AND r.job_id IS NULL AND (r.todo = 'start' OR w.job_id IS NOT NULL)`,
    [
      records.map(({ run }) => run.workspace),
      records.map(({ run }) => run.id),
      records.map(({ run }) => run.dueMs),
      records.map(({ state }) => state),
      records.map(({ job }) => job ?? null),
      records.map(({ note }) => note ?? null),
      records.map(({ todo }) => todo ?? null),
    ],
  );
}

export async function takeWaiting(pool: Pool, schedule: ScheduleRef): Promise<RunRow | undefined> {
  const { rows } = await pool.query<RunRow>(
    `WITH asked AS MATERIALIZED (SELECT a.*, ${lastJob("a")} AS job_id FROM (SELECT $1::bigint AS workspace_id, $2::bigint AS schedule_id, $3::smallint AS shard) a),
       taken AS (
         UPDATE schedule_run r SET state = 'starting', todo = 'start', todo_at = clock_timestamp() FROM asked a
         WHERE r.workspace_id = $1 AND r.schedule_id = $2 AND r.todo = 'wait'
           AND r.due_at = (SELECT min(due_at) FROM schedule_run x WHERE x.workspace_id = $1 AND x.schedule_id = $2 AND x.todo = 'wait')
           AND NOT EXISTS (SELECT 1 FROM schedule_run x WHERE x.workspace_id = $1 AND x.schedule_id = $2 AND x.todo = 'start' AND x.asked_by IS NULL)
           AND NOT (a.job_id IS NOT NULL AND ${isLive("a.job_id", "a")})
         RETURNING r.workspace_id, r.schedule_id, r.due_at, r.asked_by)
     SELECT t.workspace_id::text, t.schedule_id::text, ${msOf("t.due_at")} AS due_ms, t.asked_by, ${WORK_COLUMNS}
     FROM taken t JOIN schedule d ON d.workspace_id = t.workspace_id AND d.id = t.schedule_id`,
    [schedule.workspace, schedule.id, shardOf(schedule.workspace)],
  );
  return rows[0];
}
