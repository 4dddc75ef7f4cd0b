import type { WorkspaceId } from "../../kernel/ids.ts";
import { madeOf } from "../db/made-row.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { THING_LIMITS } from "../variables/contract.ts";
import { CHANGE_COLUMNS, type ChangeRow, type Changes, changesOf, type Page } from "../variables/variable-store.ts";

export interface StoredResourceType extends Changes {
  readonly name: string;
  readonly description: string;
  /** JSON text; undefined: values are not checked. */
  readonly schema: string | undefined;
}

interface TypeRow extends ChangeRow {
  name: string;
  description: string;
  schema: string | null;
}

const COLUMNS = `name, description, schema, ${CHANGE_COLUMNS}`;

/** In the order of their names, without their schemas. */
export async function listResourceTypes(pool: Pool, workspace: WorkspaceId, page: Page): Promise<Omit<StoredResourceType, "schema">[]> {
  const { rows } = await pool.query<Omit<TypeRow, "schema">>(
    `SELECT name, description, ${CHANGE_COLUMNS} FROM resource_type
     WHERE workspace_id = $1 AND name > $2 AND starts_with(name, $3) ORDER BY name LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit],
  );
  return rows.map((row) => ({ name: row.name, description: row.description, ...changesOf(row) }));
}

export async function findResourceType(pool: Pool, workspace: WorkspaceId, name: string): Promise<StoredResourceType | undefined> {
  const { rows } = await pool.query<TypeRow>(`SELECT ${COLUMNS} FROM resource_type WHERE workspace_id = $1 AND name = $2`, [workspace, name]);
  return rows.map(storedType)[0];
}

export interface NewResourceType {
  readonly name: string;
  readonly description: string;
  readonly schema: string | undefined;
  readonly by: string;
}

/** @returns what is stored; undefined when there is one already */
export async function insertResourceType(client: Queryable, workspace: WorkspaceId, type: NewResourceType): Promise<StoredResourceType | "full" | undefined> {
  const { rows } = await client.query<TypeRow & { is_full: boolean }>(
    `WITH room AS (SELECT count(*) >= $6 AS is_full FROM resource_type WHERE workspace_id = $1),
       made AS (
         INSERT INTO resource_type (workspace_id, name, description, schema, created_by, updated_by)
         SELECT $1, $2, $3, $4, $5, $5 FROM room WHERE NOT is_full ON CONFLICT DO NOTHING RETURNING ${COLUMNS})
     SELECT room.is_full, made.* FROM room LEFT JOIN made ON true`,
    [workspace, type.name, type.description, type.schema ?? null, type.by, THING_LIMITS.resourceTypes],
  );
  return madeOf(rows, storedType);
}

/** @returns what is stored; undefined when it has another revision by now, or is gone */
export async function updateResourceType(
  client: Queryable,
  workspace: WorkspaceId,
  type: NewResourceType,
  revision: number,
): Promise<StoredResourceType | undefined> {
  const { rows } = await client.query<TypeRow>(
    `UPDATE resource_type SET description = $3, schema = $4, updated_by = $5, updated_at = now(), revision = revision + 1
     WHERE workspace_id = $1 AND name = $2 AND revision = $6 RETURNING ${COLUMNS}`,
    [workspace, type.name, type.description, type.schema ?? null, type.by, revision],
  );
  return rows.map(storedType)[0];
}

/** @param revision undefined: whatever it is */
export async function deleteResourceType(client: Queryable, workspace: WorkspaceId, name: string, revision: number | undefined): Promise<boolean> {
  const { rowCount } = await client.query("DELETE FROM resource_type WHERE workspace_id = $1 AND name = $2 AND ($3::bigint IS NULL OR revision = $3)", [
    workspace,
    name,
    revision ?? null,
  ]);
  return rowCount === 1;
}

function storedType(row: TypeRow): StoredResourceType {
  return { name: row.name, description: row.description, schema: row.schema ?? undefined, ...changesOf(row) };
}
