import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";

/** A data key as it is stored. */
export interface StoredKey {
  readonly workspace: WorkspaceId;
  readonly version: number;
  readonly masterId: string;
  readonly wrapped: Buffer;
}

interface KeyRow {
  workspace_id: string;
  version: number;
  master_id: string;
  wrapped: Buffer;
}

const COLUMNS = "workspace_id::text, version, master_id, wrapped";

export async function findKey(pool: Pool, workspace: WorkspaceId, version: number): Promise<StoredKey | undefined> {
  const { rows } = await pool.query<KeyRow>(`SELECT ${COLUMNS} FROM workspace_key WHERE workspace_id = $1 AND version = $2`, [workspace, version]);
  return rows.map(storedKey)[0];
}

/** The key that seals now. */
export async function newestKey(pool: Pool, workspace: WorkspaceId): Promise<StoredKey | undefined> {
  const { rows } = await pool.query<KeyRow>(`SELECT ${COLUMNS} FROM workspace_key WHERE workspace_id = $1 ORDER BY version DESC LIMIT 1`, [workspace]);
  return rows.map(storedKey)[0];
}

/** @returns false when there is a key of that version already */
export async function insertKey(client: Queryable, key: StoredKey): Promise<boolean> {
  const { rowCount } = await client.query(
    "INSERT INTO workspace_key (workspace_id, version, master_id, wrapped) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    [key.workspace, key.version, key.masterId, key.wrapped],
  );
  return rowCount === 1;
}

/** Keys that are sealed by one of these master keys. */
export async function keysOfMasters(pool: Pool, masterIds: readonly string[], limit: number): Promise<StoredKey[]> {
  const { rows } = await pool.query<KeyRow>(`SELECT ${COLUMNS} FROM workspace_key WHERE master_id = ANY($1) ORDER BY workspace_id, version LIMIT $2`, [
    masterIds,
    limit,
  ]);
  return rows.map(storedKey);
}

/** Seals a data key anew. @param before the master key that it was read with: one that somebody else has sealed anew stays as it is */
export async function rewrapKey(pool: Pool, key: StoredKey, before: string): Promise<void> {
  await pool.query("UPDATE workspace_key SET master_id = $4, wrapped = $5 WHERE workspace_id = $1 AND version = $2 AND master_id = $3", [
    key.workspace,
    key.version,
    before,
    key.masterId,
    key.wrapped,
  ]);
}

export async function hasKeys(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ any: boolean }>("SELECT EXISTS (SELECT 1 FROM workspace_key) AS any");
  return rows[0]?.any === true;
}

/** Workspaces with more than one key: something may still be sealed with an older one. */
export async function workspacesWithOldKeys(pool: Pool, limit: number): Promise<WorkspaceId[]> {
  const { rows } = await pool.query<{ id: string }>(
    "SELECT workspace_id::text AS id FROM workspace_key GROUP BY workspace_id HAVING count(*) > 1 ORDER BY workspace_id LIMIT $1",
    [limit],
  );
  return rows.map((row) => asWorkspaceId(row.id));
}

/** Lets go of a workspace's old keys that nothing is sealed with. What is sealed at this moment is held by a foreign key: then none goes. */
export async function dropUnusedKeys(pool: Pool, workspace: WorkspaceId): Promise<void> {
  await pool.query(
    `DELETE FROM workspace_key k WHERE k.workspace_id = $1 AND k.version < (SELECT max(version) FROM workspace_key WHERE workspace_id = $1)
       AND NOT EXISTS (SELECT 1 FROM variable v WHERE v.workspace_id = $1 AND v.key_version = k.version)
       AND NOT EXISTS (SELECT 1 FROM sealed_secret s WHERE s.workspace_id = $1 AND s.key_version = k.version)`,
    [workspace],
  );
}

export interface KeyUse {
  readonly version: number;
  readonly createdAt: Date;
  readonly secrets: number;
}

/** Keys of a workspace, newest first, with how much is sealed with each. */
export async function keyUses(pool: Pool, workspace: WorkspaceId): Promise<KeyUse[]> {
  const { rows } = await pool.query<{ version: number; created_at: Date; secrets: number }>(
    `SELECT k.version, k.created_at, (SELECT count(*)::int FROM variable v WHERE v.workspace_id = $1 AND v.key_version = k.version)
       + (SELECT count(*)::int FROM sealed_secret s WHERE s.workspace_id = $1 AND s.key_version = k.version) AS secrets
     FROM workspace_key k WHERE k.workspace_id = $1 ORDER BY k.version DESC`,
    [workspace],
  );
  return rows.map((row) => ({ version: row.version, createdAt: row.created_at, secrets: row.secrets }));
}

function storedKey(row: KeyRow): StoredKey {
  return { workspace: asWorkspaceId(row.workspace_id), version: row.version, masterId: row.master_id, wrapped: row.wrapped };
}
