import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsValues, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { shardOf } from "../jobs/model.ts";
import { CHANGE_COLUMNS, type ChangeRow, type Changes, changesOf, type Page } from "../variables/variable-store.ts";
import { SCHEDULE_LIMITS } from "./contract.ts";
import type { Timing, Work } from "./model.ts";
import type { CatchUp } from "./plan-core.ts";
import { type CatchUpRow, handlersText, readCatchUp, readHandlers, readOverlap } from "./schedule-codec.ts";
import { msOf } from "./tick-store.ts";

/** What people say of a schedule. */
export interface Definition extends Timing, Omit<Work, "updatedBy"> {
  readonly description: string;
  readonly catchUp: CatchUp;
  readonly paused: boolean;
}

export interface StoredSchedule extends Definition, Changes {
  readonly id: string;
  readonly nextMs: number | undefined;
  readonly failures: number;
}

interface ScheduleRow extends ChangeRow, CatchUpRow {
  id: string;
  path: string;
  description: string;
  cron: string;
  zone: string;
  target_kind: string;
  target_path: string;
  args: string;
  settings: string;
  overlap: string;
  handlers: string | null;
  paused: boolean;
  next_ms: number | null;
  failures: number;
}

const COLUMNS = `d.id::text, d.path, d.description, d.cron, d.zone, d.target_kind, d.target_path, d.args, d.settings, d.overlap, d.catch_up, d.catch_up_max,
  d.catch_up_window_s, d.handlers, d.paused, ${CHANGE_COLUMNS}, ${msOf("s.next_at")} AS next_ms, s.failures`;
const FROM = "schedule d JOIN schedule_state s ON s.workspace_id = d.workspace_id AND s.schedule_id = d.id";

export async function listSchedules(pool: Pool, workspace: WorkspaceId, page: Page): Promise<StoredSchedule[]> {
  const { rows } = await pool.query<ScheduleRow>(
    `SELECT ${COLUMNS} FROM ${FROM} WHERE d.workspace_id = $1 AND d.path > $2 AND starts_with(d.path, $3) AND ${withinBounds("d.path", 5)}
     ORDER BY d.path LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit, ...boundsValues(page.bounds)],
  );
  return rows.map(storedSchedule);
}

export async function findSchedule(pool: Pool, workspace: WorkspaceId, path: string): Promise<StoredSchedule | undefined> {
  const { rows } = await pool.query<ScheduleRow>(`SELECT ${COLUMNS} FROM ${FROM} WHERE d.workspace_id = $1 AND d.path = $2`, [workspace, path]);
  return rows.map(storedSchedule)[0];
}

/** @param nextMs undefined: it does not tick @returns false: there is one at this path already */
export async function insertSchedule(
  pool: Queryable,
  workspace: WorkspaceId,
  schedule: Definition,
  by: string,
  nextMs: number | undefined,
): Promise<boolean | "full"> {
  const { rows } = await pool.query<{ is_full: boolean; made: string }>(
    `WITH room AS (SELECT count(*) >= $18 AS is_full FROM schedule WHERE workspace_id = $1),
       made AS (
         INSERT INTO schedule (workspace_id, path, description, cron, zone, target_kind, target_path, args, settings, overlap, catch_up, catch_up_max,
           catch_up_window_s, handlers, paused, created_by, updated_by)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16 FROM room WHERE NOT is_full ON CONFLICT DO NOTHING RETURNING id),
       state AS (
         INSERT INTO schedule_state (workspace_id, schedule_id, shard, next_at) SELECT $1, id, $19, to_timestamp($17::float8 / 1000) FROM made)
     SELECT room.is_full, (SELECT count(*) FROM made) AS made FROM room`,
    [workspace, schedule.path, ...columnsOf(schedule), by, nextMs ?? null, SCHEDULE_LIMITS.schedules, shardOf(workspace)],
  );
  const [row] = rows;
  return row?.is_full === true ? "full" : row?.made === "1";
}

/** @param ticks when other ticks follow from now on: the first of them @returns false: it has another revision by now, or is gone */
export async function updateSchedule(
  pool: Queryable,
  workspace: WorkspaceId,
  schedule: Definition,
  by: string,
  revision: number,
  ticks: { readonly nextMs: number | undefined } | undefined,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `WITH changed AS (
       UPDATE schedule SET description = $3, cron = $4, zone = $5, target_kind = $6, target_path = $7, args = $8, settings = $9, overlap = $10, catch_up = $11,
         catch_up_max = $12, catch_up_window_s = $13, handlers = $14, paused = $15, updated_by = $16, updated_at = now(), revision = revision + 1
       WHERE workspace_id = $1 AND path = $2 AND revision = $17 RETURNING id),
     moved AS (
       UPDATE schedule_state s SET timing = timing + 1, next_at = to_timestamp($19::float8 / 1000) FROM changed c
       WHERE s.workspace_id = $1 AND s.schedule_id = c.id AND $18)
     SELECT 1 FROM changed`,
    [workspace, schedule.path, ...columnsOf(schedule), by, revision, ticks !== undefined, ticks?.nextMs ?? null],
  );
  return rowCount === 1;
}

/** With its runs. In a transaction. @param revision undefined: whatever it is */
export async function deleteSchedule(client: Queryable, workspace: WorkspaceId, path: string, revision: number | undefined): Promise<boolean> {
  // The state first, as the ticker does: it waits for a tick that is being recorded, instead of each for the other.
  const { rows } = await client.query<{ id: string }>(
    `DELETE FROM schedule_state s USING schedule d WHERE d.workspace_id = $1 AND d.path = $2 AND ($3::bigint IS NULL OR d.revision = $3)
       AND s.workspace_id = d.workspace_id AND s.schedule_id = d.id RETURNING d.id::text`,
    [workspace, path, revision ?? null],
  );
  const [row] = rows;
  if (row !== undefined) await client.query("DELETE FROM schedule WHERE workspace_id = $1 AND id = $2", [workspace, row.id]);
  return row !== undefined;
}

function columnsOf(schedule: Definition): (string | number | boolean | null)[] {
  const { description, cron, zone, target, argsJson, settingsJson, overlap, catchUp, handlers, paused } = schedule;
  const [max, windowS] = catchUp.kind === "all" ? [catchUp.max, Math.round(catchUp.windowMs / 1000)] : [null, null];
  return [description, cron, zone, target.kind, target.path, argsJson, settingsJson, overlap, catchUp.kind, max, windowS, handlersText(handlers), paused];
}

function storedSchedule(row: ScheduleRow): StoredSchedule {
  return {
    id: row.id,
    path: row.path,
    description: row.description,
    cron: row.cron,
    zone: row.zone,
    target: { kind: row.target_kind === "flow" ? "flow" : "script", path: row.target_path },
    argsJson: row.args,
    settingsJson: row.settings,
    overlap: readOverlap(row.overlap),
    catchUp: readCatchUp(row),
    handlers: readHandlers(row.handlers),
    paused: row.paused,
    nextMs: row.next_ms ?? undefined,
    failures: row.failures,
    ...changesOf(row),
  };
}
