import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";

export type MetadataKind = "script" | "folder" | "resource-type" | "schedule" | "http-trigger";

/** JSON text by key, of those that have any. */
export async function findMetadata(pool: Pool, workspace: WorkspaceId, kind: MetadataKind, keys: readonly string[]): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const { rows } = await pool.query<{ key: string; value: string }>(
    "SELECT key, value FROM windmill_metadata WHERE workspace_id = $1 AND kind = $2 AND key = ANY ($3)",
    [workspace, kind, keys],
  );
  return new Map(rows.map(({ key, value }) => [key, value]));
}

/** All of a kind, by key. There are no more of them than `limit`. */
export async function listMetadata(pool: Pool, workspace: WorkspaceId, kind: MetadataKind, limit: number): Promise<{ key: string; value: string }[]> {
  const { rows } = await pool.query<{ key: string; value: string }>(
    "SELECT key, value FROM windmill_metadata WHERE workspace_id = $1 AND kind = $2 ORDER BY key LIMIT $3",
    [workspace, kind, limit],
  );
  return rows;
}

/** @param value JSON text */
export async function putMetadata(pool: Queryable, workspace: WorkspaceId, kind: MetadataKind, key: string, value: string): Promise<void> {
  await pool.query(
    `INSERT INTO windmill_metadata (workspace_id, kind, key, value) VALUES ($1, $2, $3, $4)
     ON CONFLICT (workspace_id, kind, key) DO UPDATE SET value = excluded.value`,
    [workspace, kind, key, value],
  );
}

export async function deleteMetadata(pool: Queryable, workspace: WorkspaceId, kind: MetadataKind, key: string): Promise<boolean> {
  const { rowCount } = await pool.query("DELETE FROM windmill_metadata WHERE workspace_id = $1 AND kind = $2 AND key = $3", [workspace, kind, key]);
  return rowCount === 1;
}
