import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { afterNewestSql, newestCursorSql } from "../db/newest-first.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { NewToken } from "../identity/token-format.ts";

export interface JoinTokenSettings {
  readonly label: string;
  readonly maxUses: number;
  readonly tags: readonly string[];
  readonly cidrs: readonly string[];
  readonly expiresInS: number;
  readonly createdBy: string;
}

export interface JoinToken {
  readonly id: string;
  readonly workspace: WorkspaceId;
  readonly workspaceName: string;
  readonly label: string;
  readonly maxUses: number;
  readonly used: number;
  readonly tags: readonly string[];
  readonly cidrs: readonly string[];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
  /** By the database's clock. */
  readonly expired: boolean;
  readonly secretHash: Buffer;
  /** Where the next page goes on. */
  readonly cursor: string;
}

interface Row {
  id: string;
  secret_hash: Buffer;
  workspace_id: string;
  workspace_name: string;
  label: string;
  max_uses: number;
  used: number;
  tags: string[];
  cidrs: string[];
  created_by: string;
  created_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
  expired: boolean;
  cursor: string;
}

const FIELDS = `t.id, t.secret_hash, t.workspace_id::text, w.name AS workspace_name, t.label, t.max_uses, t.used, t.tags, t.cidrs, t.created_by,
  t.created_at, t.expires_at, t.revoked_at, t.expires_at <= clock_timestamp() AS expired, ${newestCursorSql("t.created_at", "t.id")} AS cursor`;

/** Stores a new token, only its hash. */
export async function insertJoinToken(client: Queryable, token: NewToken, workspace: WorkspaceId, settings: JoinTokenSettings): Promise<JoinToken> {
  const { label, maxUses, tags, cidrs, expiresInS, createdBy } = settings;
  const { rows } = await client.query<Row>(
    `WITH t AS (
       INSERT INTO agent_join_token (id, secret_hash, workspace_id, label, max_uses, tags, cidrs, created_by, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + make_interval(secs => $9)) RETURNING *)
     SELECT ${FIELDS} FROM t JOIN workspace w ON w.id = t.workspace_id`,
    [token.id, token.secretHash, workspace, label, maxUses, tags, cidrs, createdBy, expiresInS],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the join token was not stored");
  return fromRow(row);
}

/** A token by its public id, usable or not. */
export async function findJoinToken(pool: Pool, id: string): Promise<JoinToken | undefined> {
  const { rows } = await pool.query<Row>(`SELECT ${FIELDS} FROM agent_join_token t JOIN workspace w ON w.id = t.workspace_id WHERE t.id = $1`, [id]);
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** The newest tokens of a workspace first, used up and revoked ones too. @param after cursor of the last one of the page before */
export async function listJoinTokens(pool: Pool, workspace: WorkspaceId, after: string | undefined, limit: number): Promise<JoinToken[]> {
  const { rows } = await pool.query<Row>(
    `SELECT ${FIELDS} FROM agent_join_token t JOIN workspace w ON w.id = t.workspace_id WHERE t.workspace_id = $1
       AND ${afterNewestSql("t.created_at", "t.id", "$2")}
     ORDER BY t.created_at DESC, t.id DESC LIMIT $3`,
    [workspace, after ?? null, limit],
  );
  return rows.map(fromRow);
}

/** Agents that joined with it stay. @returns false when the workspace has no such token */
export async function revokeJoinToken(client: Queryable, workspace: WorkspaceId, id: string): Promise<boolean> {
  const { rowCount } = await client.query(
    "UPDATE agent_join_token SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = $1 AND workspace_id = $2",
    [id, workspace],
  );
  return rowCount === 1;
}

function fromRow(row: Row): JoinToken {
  const { id, label, used, tags, cidrs, expired, cursor } = row;
  return {
    id,
    label,
    used,
    tags,
    cidrs,
    expired,
    cursor,
    workspace: asWorkspaceId(row.workspace_id),
    workspaceName: row.workspace_name,
    maxUses: row.max_uses,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    secretHash: row.secret_hash,
  };
}
