import type { WorkspaceId } from "../../kernel/ids.ts";
import { madeOf } from "../db/made-row.ts";
import { boundsValues, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { THING_LIMITS } from "../variables/contract.ts";
import { CHANGE_COLUMNS, type ChangeRow, type Changes, changesOf, lookedFor, lookedForValues, type ThingPage } from "../variables/variable-store.ts";
import { STATE_TYPE } from "./contract.ts";

/** One of a list, without its value. */
export interface ListedResource extends Changes {
  readonly path: string;
  readonly type: string;
  readonly description: string;
}

export interface StoredResource extends ListedResource {
  /** JSON text. */
  readonly value: string;
}

interface ResourceRow extends ChangeRow {
  path: string;
  type: string;
  description: string;
  value: string;
}

const LISTED = `path, type, description, ${CHANGE_COLUMNS}`;
const COLUMNS = `value, ${LISTED}`;

/** @param type undefined: all but states */
export async function listResources(pool: Pool, workspace: WorkspaceId, type: string | undefined, page: ThingPage): Promise<ListedResource[]> {
  const which = type === undefined ? "type <> $5" : "type = $5";
  const { rows } = await pool.query<Omit<ResourceRow, "value">>(
    `SELECT ${LISTED} FROM resource WHERE workspace_id = $1 AND path > $2 AND starts_with(path, $3) AND ${which} AND ${withinBounds("path", 6)}
       AND ${lookedFor(8)} ORDER BY path LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit, type ?? STATE_TYPE, ...boundsValues(page.bounds), ...lookedForValues(page)],
  );
  return rows.map((row) => ({ path: row.path, type: row.type, description: row.description, ...changesOf(row) }));
}

/** Those of the paths that there are. */
export async function findResources(pool: Pool, workspace: WorkspaceId, paths: readonly string[]): Promise<StoredResource[]> {
  const { rows } = await pool.query<ResourceRow>(`SELECT ${COLUMNS} FROM resource WHERE workspace_id = $1 AND path = ANY($2::text[])`, [workspace, paths]);
  return rows.map(storedResource);
}

export interface NewResource {
  readonly path: string;
  readonly type: string;
  readonly description: string;
  /** JSON text. */
  readonly value: string;
  readonly by: string;
}

/** @returns what is stored; undefined when there is one already */
export async function insertResource(client: Queryable, workspace: WorkspaceId, resource: NewResource): Promise<StoredResource | "full" | undefined> {
  const { rows } = await client.query<ResourceRow & { is_full: boolean }>(
    `WITH room AS (SELECT count(*) >= $7 AS is_full FROM resource WHERE workspace_id = $1),
       made AS (
         INSERT INTO resource (workspace_id, path, type, description, value, created_by, updated_by)
         SELECT $1, $2, $3, $4, $5, $6, $6 FROM room WHERE NOT is_full ON CONFLICT DO NOTHING RETURNING ${COLUMNS})
     SELECT room.is_full, made.* FROM room LEFT JOIN made ON true`,
    [workspace, resource.path, resource.type, resource.description, resource.value, resource.by, THING_LIMITS.resources],
  );
  return madeOf(rows, storedResource);
}

/** @returns what is stored; undefined when it has another revision by now, or is gone */
export async function updateResource(client: Queryable, workspace: WorkspaceId, resource: NewResource, revision: number): Promise<StoredResource | undefined> {
  const { rows } = await client.query<ResourceRow>(
    `UPDATE resource SET description = $3, value = $4, updated_by = $5, updated_at = now(), revision = revision + 1
     WHERE workspace_id = $1 AND path = $2 AND revision = $6 RETURNING ${COLUMNS}`,
    [workspace, resource.path, resource.description, resource.value, resource.by, revision],
  );
  return rows.map(storedResource)[0];
}

/** @param revision undefined: whatever it is @returns its type; undefined when nothing was deleted */
export async function deleteResource(client: Queryable, workspace: WorkspaceId, path: string, revision: number | undefined): Promise<string | undefined> {
  const { rows } = await client.query<{ type: string }>(
    "DELETE FROM resource WHERE workspace_id = $1 AND path = $2 AND ($3::bigint IS NULL OR revision = $3) RETURNING type",
    [workspace, path, revision ?? null],
  );
  return rows[0]?.type;
}

function storedResource(row: ResourceRow): StoredResource {
  return { path: row.path, type: row.type, description: row.description, value: row.value, ...changesOf(row) };
}
