import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { Sealed } from "./key-ring.ts";

export interface StoredSecret {
  readonly id: string;
  readonly sealed: Sealed;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date | undefined;
}

interface SecretRow {
  id: string;
  sealed: Buffer;
  key_version: number;
  created_at: Date;
  created_by: string;
  expires_at: Date | null;
}

/** Secrets of an owner, the newest first; those whose time is over too. */
export async function listSecrets(pool: Pool, workspace: WorkspaceId, owner: string): Promise<StoredSecret[]> {
  const { rows } = await pool.query<SecretRow>(
    `SELECT id, sealed, key_version, created_at, created_by, expires_at FROM sealed_secret
     WHERE workspace_id = $1 AND owner = $2 ORDER BY created_at DESC, id`,
    [workspace, owner],
  );
  return rows.map((row) => ({
    id: row.id,
    sealed: { bytes: row.sealed, keyVersion: row.key_version },
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at ?? undefined,
  }));
}

export interface NewSecret {
  readonly owner: string;
  readonly id: string;
  readonly sealed: Sealed;
  readonly by: string;
}

/**
 * Stores one more, and ends the others after a time when one is given. One statement. @returns false when there are too many already; those whose time
 * is over are not counted, they go.
 * Errors: foreign_key when the key that sealed it is gone.
 */
export async function insertSecret(
  pool: Queryable,
  workspace: WorkspaceId,
  secret: NewSecret,
  limit: number,
  othersEndMs: number | undefined,
  nowMs: number,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `WITH past AS (DELETE FROM sealed_secret WHERE workspace_id = $1 AND owner = $2 AND expires_at <= to_timestamp($8::float8 / 1000)),
       room AS (SELECT count(*) < $6 AS is_free FROM sealed_secret
         WHERE workspace_id = $1 AND owner = $2 AND (expires_at IS NULL OR expires_at > to_timestamp($8::float8 / 1000))),
       ending AS (
         UPDATE sealed_secret SET expires_at = least(expires_at, to_timestamp($7::float8 / 1000)) FROM room
         WHERE room.is_free AND $7::float8 IS NOT NULL AND workspace_id = $1 AND owner = $2 AND (expires_at IS NULL OR expires_at > to_timestamp($8::float8 / 1000)))
     INSERT INTO sealed_secret (workspace_id, owner, id, sealed, key_version, created_by)
     SELECT $1, $2, $3, $4, $5, $9 FROM room WHERE room.is_free`,
    [workspace, secret.owner, secret.id, secret.sealed.bytes, secret.sealed.keyVersion, limit, othersEndMs ?? null, nowMs, secret.by],
  );
  return rowCount === 1;
}

export async function deleteSecret(pool: Queryable, workspace: WorkspaceId, owner: string, id: string): Promise<boolean> {
  const { rowCount } = await pool.query("DELETE FROM sealed_secret WHERE workspace_id = $1 AND owner = $2 AND id = $3", [workspace, owner, id]);
  return rowCount === 1;
}

/** Those that are sealed with a key older than the newest. */
export async function secretsWithOldKeys(pool: Pool, workspace: WorkspaceId, limit: number): Promise<{ owner: string; id: string; sealed: Sealed }[]> {
  const { rows } = await pool.query<{ owner: string; id: string; sealed: Buffer; key_version: number }>(
    `SELECT owner, id, sealed, key_version FROM sealed_secret
     WHERE workspace_id = $1 AND key_version < (SELECT max(version) FROM workspace_key WHERE workspace_id = $1) ORDER BY key_version, owner, id LIMIT $2`,
    [workspace, limit],
  );
  return rows.map((row) => ({ owner: row.owner, id: row.id, sealed: { bytes: row.sealed, keyVersion: row.key_version } }));
}

/** The same secret under another key. One that was deleted meanwhile stays away. */
export async function replaceSecret(pool: Pool, workspace: WorkspaceId, owner: string, id: string, before: Sealed, after: Sealed): Promise<void> {
  await pool.query("UPDATE sealed_secret SET sealed = $5, key_version = $6 WHERE workspace_id = $1 AND owner = $2 AND id = $3 AND sealed = $4", [
    workspace,
    owner,
    id,
    before.bytes,
    after.bytes,
    after.keyVersion,
  ]);
}
