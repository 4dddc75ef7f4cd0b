import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { madeOf } from "../db/made-row.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { CHANGE_COLUMNS, type ChangeRow, type Changes, changesOf, type Page } from "../variables/variable-store.ts";
import { EVENT_KINDS, type EventKind } from "./contract.ts";

interface Hook {
  readonly path: string;
  readonly url: string;
  readonly events: readonly EventKind[];
  readonly pathPrefix: string;
  readonly paused: boolean;
  readonly description: string;
}

export type StoredHook = Hook & Changes & { readonly workspace: WorkspaceId; readonly pausedWhy: string | undefined };

interface HookRow extends ChangeRow {
  workspace_id: string;
  path: string;
  url: string;
  events: string[];
  path_prefix: string;
  paused: boolean;
  paused_why: string | null;
  description: string;
}

const COLUMNS = `workspace_id::text, path, url, events, path_prefix, paused, paused_why, description, ${CHANGE_COLUMNS}`;

export async function listHooks(pool: Pool, workspace: WorkspaceId, page: Page): Promise<StoredHook[]> {
  const { rows } = await pool.query<HookRow>(
    `SELECT ${COLUMNS} FROM notification_hook WHERE workspace_id = $1 AND path > $2 AND starts_with(path, $3) ORDER BY path LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit],
  );
  return rows.map(storedHook);
}

export async function findHook(pool: Pool, workspace: WorkspaceId, path: string): Promise<StoredHook | undefined> {
  const { rows } = await pool.query<HookRow>(`SELECT ${COLUMNS} FROM notification_hook WHERE workspace_id = $1 AND path = $2`, [workspace, path]);
  return rows.map(storedHook)[0];
}

/** Hooks of workspaces that are not paused. */
export async function activeHooks(pool: Pool, workspaces: readonly WorkspaceId[]): Promise<StoredHook[]> {
  const { rows } = await pool.query<HookRow>(`SELECT ${COLUMNS} FROM notification_hook WHERE workspace_id = ANY($1::bigint[]) AND NOT paused`, [workspaces]);
  return rows.map(storedHook);
}

/**
 * One text for all hooks that are not paused, and another one after every change: a row that is written is of a later transaction than the one that it
 * replaces, and the rows are counted. All of them are read; few workspaces have hooks.
 */
const MARK = "(SELECT count(*) || ' ' || coalesce(sum(xmin::text::bigint), 0) FROM notification_hook WHERE NOT paused)";

/** SQL: whether wantedKinds would say something else. */
export const hasChangedHooks = (since: string): string => `${MARK} <> ${since}`;

/** What is wanted of which workspace, over all workspaces. @returns with a mark for hasChangedHooks */
export async function wantedKinds(pool: Pool): Promise<{ wanted: { workspace: WorkspaceId; events: EventKind[] }[]; mark: string }> {
  const { rows } = await pool.query<{ mark: string } & ({ workspace_id: string; events: string[] } | { workspace_id: null })>(
    `SELECT m.mark, w.workspace_id::text, w.events FROM (SELECT ${MARK} AS mark) m LEFT JOIN (
       SELECT workspace_id, array_agg(DISTINCT event) AS events FROM notification_hook, unnest(events) AS event WHERE NOT paused GROUP BY workspace_id) w ON true`,
  );
  const wanted = rows.flatMap((row) => (row.workspace_id === null ? [] : [{ workspace: asWorkspaceId(row.workspace_id), events: kindsOf(row.events) }]));
  return { wanted, mark: rows[0]?.mark ?? "" };
}

export type NewHook = Hook & { readonly by: string };

/** @returns undefined when there is one already */
export async function insertHook(pool: Queryable, workspace: WorkspaceId, hook: NewHook, limit: number): Promise<StoredHook | "full" | undefined> {
  const { rows } = await pool.query<HookRow & { is_full: boolean }>(
    `WITH room AS (SELECT count(*) >= $9 AS is_full FROM notification_hook WHERE workspace_id = $1),
       made AS (
         INSERT INTO notification_hook (workspace_id, path, url, events, path_prefix, paused, description, created_by, updated_by)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8 FROM room WHERE NOT is_full ON CONFLICT DO NOTHING RETURNING ${COLUMNS})
     SELECT room.is_full, made.* FROM room LEFT JOIN made ON true`,
    [...columnsOf(workspace, hook), limit],
  );
  return madeOf(rows, storedHook);
}

/** @returns undefined when it has another revision by now, or is gone */
export async function updateHook(pool: Queryable, workspace: WorkspaceId, hook: NewHook, revision: number): Promise<StoredHook | undefined> {
  const { rows } = await pool.query<HookRow>(
    `UPDATE notification_hook SET url = $3, events = $4, path_prefix = $5, paused = $6, paused_why = CASE WHEN $6 THEN paused_why END, description = $7,
       updated_by = $8, updated_at = now(), revision = revision + 1 WHERE workspace_id = $1 AND path = $2 AND revision = $9 RETURNING ${COLUMNS}`,
    [...columnsOf(workspace, hook), revision],
  );
  return rows.map(storedHook)[0];
}

/** @param why when it is not a person who does it @returns undefined when there is none */
export async function pauseHook(
  pool: Queryable,
  workspace: WorkspaceId,
  path: string,
  paused: boolean,
  by: string,
  why: string | undefined,
): Promise<StoredHook | undefined> {
  const { rows } = await pool.query<HookRow>(
    `UPDATE notification_hook SET paused = $3, paused_why = $5, updated_by = $4, updated_at = now(), revision = revision + 1
     WHERE workspace_id = $1 AND path = $2 RETURNING ${COLUMNS}`,
    [workspace, path, paused, by, why ?? null],
  );
  return rows.map(storedHook)[0];
}

/** With its secrets and deliveries. @param revision undefined: whatever it is */
export async function deleteHook(pool: Queryable, workspace: WorkspaceId, path: string, revision: number | undefined): Promise<boolean> {
  const { rows } = await pool.query<{ path: string }>(
    `WITH gone AS (DELETE FROM notification_hook WHERE workspace_id = $1 AND path = $2 AND ($3::bigint IS NULL OR revision = $3) RETURNING path),
       secrets AS (DELETE FROM sealed_secret WHERE workspace_id = $1 AND owner = (SELECT 'hook:' || path FROM gone)),
       deliveries AS (DELETE FROM hook_delivery WHERE workspace_id = $1 AND hook = (SELECT path FROM gone))
     SELECT path FROM gone`,
    [workspace, path, revision ?? null],
  );
  return rows.length === 1;
}

function columnsOf(workspace: WorkspaceId, { path, url, events, pathPrefix, paused, description, by }: NewHook): unknown[] {
  return [workspace, path, url, events, pathPrefix, paused, description, by];
}

const kindsOf = (texts: readonly string[]): EventKind[] => EVENT_KINDS.filter((kind) => texts.includes(kind));

function storedHook(row: HookRow): StoredHook {
  const { path, url, paused, description } = row;
  return {
    workspace: asWorkspaceId(row.workspace_id),
    path,
    url,
    events: kindsOf(row.events),
    pathPrefix: row.path_prefix,
    paused,
    pausedWhy: row.paused_why ?? undefined,
    description,
    ...changesOf(row),
  };
}
