import type { WorkspaceId } from "../../kernel/ids.ts";
import { madeOf } from "../db/made-row.ts";
import { boundsValues, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { CHANGE_COLUMNS, type ChangeRow, type Changes, changesOf, type Page } from "../variables/variable-store.ts";
import type { METHODS, TriggerSettings } from "./contract.ts";
import { decodeSettings, methodOf } from "./settings-codec.ts";

/** How a trigger is called. */
export type TriggerPlace =
  | { readonly kind: "webhook" }
  | { readonly kind: "route"; readonly method: (typeof METHODS)[number]; readonly pattern: string; readonly shape: string };

interface Trigger {
  readonly path: string;
  readonly place: TriggerPlace;
  readonly settings: TriggerSettings;
  readonly paused: boolean;
  readonly description: string;
}

export type StoredTrigger = Trigger & Changes;

interface TriggerRow extends ChangeRow {
  path: string;
  kind: string;
  method: string | null;
  pattern: string | null;
  shape: string | null;
  settings: string;
  paused: boolean;
  description: string;
}

const COLUMNS = `path, kind, method, pattern, shape, settings, paused, description, ${CHANGE_COLUMNS}`;

export async function listTriggers(pool: Pool, workspace: WorkspaceId, page: Page): Promise<StoredTrigger[]> {
  const { rows } = await pool.query<TriggerRow>(
    `SELECT ${COLUMNS} FROM trigger WHERE workspace_id = $1 AND path > $2 AND starts_with(path, $3) AND ${withinBounds("path", 5)} ORDER BY path LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit, ...boundsValues(page.bounds)],
  );
  return rows.map(storedTrigger);
}

export async function findTrigger(pool: Pool, workspace: WorkspaceId, path: string): Promise<StoredTrigger | undefined> {
  const { rows } = await pool.query<TriggerRow>(`SELECT ${COLUMNS} FROM trigger WHERE workspace_id = $1 AND path = $2`, [workspace, path]);
  return rows.map(storedTrigger)[0];
}

/** All routes of a workspace; there are as many as a workspace may have triggers at most. */
export async function listRoutes(pool: Pool, workspace: WorkspaceId): Promise<StoredTrigger[]> {
  const { rows } = await pool.query<TriggerRow>(`SELECT ${COLUMNS} FROM trigger WHERE workspace_id = $1 AND kind = 'route' ORDER BY path`, [workspace]);
  return rows.map(storedTrigger);
}

/** The path of another route that answers the same requests. */
export async function findSameRoute(pool: Pool, workspace: WorkspaceId, path: string, method: string, shape: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ path: string }>(
    "SELECT path FROM trigger WHERE workspace_id = $1 AND method = $3 AND shape = $4 AND kind = 'route' AND path <> $2",
    [workspace, path, method, shape],
  );
  return rows[0]?.path;
}

export type NewTrigger = Trigger & { readonly by: string };

/** @returns undefined when there is one already. Errors: unique_violation for a route that another one is in the way of */
export async function insertTrigger(pool: Queryable, workspace: WorkspaceId, trigger: NewTrigger, limit: number): Promise<StoredTrigger | "full" | undefined> {
  const { rows } = await pool.query<TriggerRow & { is_full: boolean }>(
    `WITH room AS (SELECT count(*) >= $11 AS is_full FROM trigger WHERE workspace_id = $1),
       made AS (
         INSERT INTO trigger (workspace_id, path, kind, method, pattern, shape, settings, paused, description, created_by, updated_by)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10 FROM room WHERE NOT is_full ON CONFLICT (workspace_id, path) DO NOTHING RETURNING ${COLUMNS})
     SELECT room.is_full, made.* FROM room LEFT JOIN made ON true`,
    [...columnsOf(workspace, trigger), limit],
  );
  return madeOf(rows, storedTrigger);
}

/** @returns undefined when it has another revision by now, or is gone. Errors: as insertTrigger */
export async function updateTrigger(pool: Queryable, workspace: WorkspaceId, trigger: NewTrigger, revision: number): Promise<StoredTrigger | undefined> {
  const { rows } = await pool.query<TriggerRow>(
    `UPDATE trigger SET kind = $3, method = $4, pattern = $5, shape = $6, settings = $7, paused = $8, description = $9, updated_by = $10,
       updated_at = now(), revision = revision + 1 WHERE workspace_id = $1 AND path = $2 AND revision = $11 RETURNING ${COLUMNS}`,
    [...columnsOf(workspace, trigger), revision],
  );
  return rows.map(storedTrigger)[0];
}

/** @returns undefined when there is none */
export async function pauseTrigger(pool: Queryable, workspace: WorkspaceId, path: string, paused: boolean): Promise<StoredTrigger | undefined> {
  const { rows } = await pool.query<TriggerRow>(
    `UPDATE trigger SET paused = $3, updated_at = now(), revision = revision + 1 WHERE workspace_id = $1 AND path = $2 RETURNING ${COLUMNS}`,
    [workspace, path, paused],
  );
  return rows.map(storedTrigger)[0];
}

/** With its secrets and what is known of its calls. @param revision undefined: whatever it is */
export async function deleteTrigger(pool: Queryable, workspace: WorkspaceId, path: string, revision: number | undefined): Promise<boolean> {
  const { rows } = await pool.query<{ path: string }>(
    `WITH gone AS (DELETE FROM trigger WHERE workspace_id = $1 AND path = $2 AND ($3::bigint IS NULL OR revision = $3) RETURNING path),
       secrets AS (DELETE FROM sealed_secret WHERE workspace_id = $1 AND owner = (SELECT 'trigger:' || path FROM gone)),
       activity AS (DELETE FROM trigger_activity WHERE workspace_id = $1 AND path = (SELECT path FROM gone))
     SELECT path FROM gone`,
    [workspace, path, revision ?? null],
  );
  return rows.length === 1;
}

function columnsOf(workspace: WorkspaceId, { path, place, settings, paused, description, by }: NewTrigger): unknown[] {
  const route = place.kind === "route" ? [place.method, place.pattern, place.shape] : [null, null, null];
  return [workspace, path, place.kind, ...route, JSON.stringify(settings), paused, description, by];
}

function storedTrigger(row: TriggerRow): StoredTrigger {
  const { path, paused, description } = row;
  const method = methodOf(row.method);
  const place: TriggerPlace =
    method === undefined || row.pattern === null || row.shape === null
      ? { kind: "webhook" }
      : { kind: "route", method, pattern: row.pattern, shape: row.shape };
  return { path, place, settings: decodeSettings(row.settings), paused, description, ...changesOf(row) };
}
