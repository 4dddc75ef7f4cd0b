import { type AccountId, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { afterNewestSql, newestCursorSql } from "../db/newest-first.ts";
import type { Queryable } from "../db/transaction.ts";
import { IDENTITY_LIMITS, type RoleName, role } from "./contract.ts";
import type { NewToken } from "./token-format.ts";

export interface Invitation {
  readonly id: string;
  readonly workspace: WorkspaceId;
  readonly workspaceName: string;
  readonly role: RoleName;
  /** Undefined: for whoever has the token. */
  readonly email: string | undefined;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly status: "open" | "accepted" | "expired" | "revoked";
  readonly secretHash: Buffer;
  /** Where the next page goes on. */
  readonly cursor: string;
}

interface Row {
  id: string;
  workspace_id: string;
  workspace_name: string;
  role: string;
  email: string | null;
  created_by: string;
  created_at: Date;
  expires_at: Date;
  status: Invitation["status"];
  secret_hash: Buffer;
  cursor: string;
}

const COLUMNS = `i.id, i.workspace_id::text, w.name AS workspace_name, i.role, i.email, i.created_by, i.created_at, i.expires_at, i.secret_hash,
  ${newestCursorSql("i.created_at", "i.id")} AS cursor,
  CASE WHEN i.revoked_at IS NOT NULL THEN 'revoked' WHEN i.accepted_at IS NOT NULL THEN 'accepted'
    WHEN i.expires_at <= clock_timestamp() THEN 'expired' ELSE 'open' END AS status`;

export interface NewInvitation {
  readonly workspace: WorkspaceId;
  readonly role: RoleName;
  readonly email: string | undefined;
  readonly expiresInS: number;
  readonly createdBy: string;
}

/** Stores an invitation, only the hash of its secret. @returns undefined when the workspace has too many open ones */
export async function insertInvitation(on: Queryable, token: NewToken, settings: NewInvitation): Promise<Invitation | undefined> {
  const { rows } = await on.query<Row>(
    `WITH i AS (
       INSERT INTO invitation (id, secret_hash, workspace_id, role, email, created_by, expires_at)
       SELECT $1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7)
       WHERE (SELECT count(*) FROM invitation WHERE workspace_id = $3 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()) < $8
       RETURNING *)
     SELECT ${COLUMNS} FROM i JOIN workspace w ON w.id = i.workspace_id`,
    [
      token.id,
      token.secretHash,
      settings.workspace,
      settings.role,
      settings.email ?? null,
      settings.createdBy,
      settings.expiresInS,
      IDENTITY_LIMITS.invitations,
    ],
  );
  return rows.map(fromRow)[0];
}

/** By its public id, open or not. */
export async function findInvitation(on: Queryable, id: string): Promise<Invitation | undefined> {
  const { rows } = await on.query<Row>(`SELECT ${COLUMNS} FROM invitation i JOIN workspace w ON w.id = i.workspace_id WHERE i.id = $1`, [id]);
  return rows.map(fromRow)[0];
}

/** The newest first. @param after cursor of the last one of the page before */
export async function listInvitations(on: Queryable, workspace: WorkspaceId, after: string | undefined, limit: number): Promise<Invitation[]> {
  const { rows } = await on.query<Row>(
    `SELECT ${COLUMNS} FROM invitation i JOIN workspace w ON w.id = i.workspace_id WHERE i.workspace_id = $1
       AND ${afterNewestSql("i.created_at", "i.id", "$2")}
     ORDER BY i.created_at DESC, i.id DESC LIMIT $3`,
    [workspace, after ?? null, limit],
  );
  return rows.map(fromRow);
}

/** Takes the one use. @returns false when it is gone, also when somebody else took it at the same moment */
export async function useInvitation(on: Queryable, id: string, account: AccountId): Promise<boolean> {
  const { rowCount } = await on.query(
    `UPDATE invitation SET accepted_at = clock_timestamp(), accepted_by = $2
     WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()`,
    [id, account],
  );
  return rowCount === 1;
}

/** Who came by it stays. @returns whether it ends now; undefined when the workspace has no such invitation */
export async function revokeInvitation(on: Queryable, workspace: WorkspaceId, id: string): Promise<boolean | undefined> {
  const { rows } = await on.query<{ ended: boolean }>(
    `WITH ended AS (UPDATE invitation SET revoked_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id)
     SELECT EXISTS (SELECT FROM ended) AS ended FROM invitation WHERE workspace_id = $1 AND id = $2`,
    [workspace, id],
  );
  return rows[0]?.ended;
}

function fromRow(row: Row): Invitation {
  return {
    id: row.id,
    workspace: asWorkspaceId(row.workspace_id),
    workspaceName: row.workspace_name,
    role: role.parse(row.role),
    email: row.email ?? undefined,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    status: row.status,
    secretHash: row.secret_hash,
    cursor: row.cursor,
  };
}
