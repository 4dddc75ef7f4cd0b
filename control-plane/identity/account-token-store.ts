import { type AccountId, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { afterNewestSql, newestCursorSql } from "../db/newest-first.ts";
import type { Queryable } from "../db/transaction.ts";
import type { ParsedToken } from "./token-format.ts";

/** A token of a workspace as it is listed, without its secret. */
export interface ListedToken {
  readonly id: string;
  readonly kind: "personal" | "service" | "workspace";
  readonly holder: string | undefined;
  readonly label: string;
  readonly scopes: readonly string[] | undefined;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
  readonly status: "usable" | "expired" | "revoked";
  /** Where the next page goes on. */
  readonly cursor: string;
}

interface Row {
  id: string;
  kind: ListedToken["kind"];
  holder: string | null;
  label: string;
  scopes: string[] | null;
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  status: ListedToken["status"];
  cursor: string;
}

const STATUS = "CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= clock_timestamp() THEN 'expired' ELSE 'usable' END";
const LISTED = `t.id, t.kind, coalesce(a.email, s.name) AS holder, t.label, t.scopes, t.created_by, t.created_at, t.expires_at, t.last_used_at, ${STATUS} AS status,
  ${newestCursorSql("t.created_at", "t.id")} AS cursor`;
const FROM = "token t LEFT JOIN account a ON a.id = t.account_id LEFT JOIN service_account s ON s.account_id = t.account_id";

export interface TokenPage {
  /** Undefined: of everybody. */
  readonly account: AccountId | undefined;
  readonly limit: number;
  /** Cursor of the last token of the page before. */
  readonly after: string | undefined;
}

/** The newest first; agents' tokens are not among them. */
export async function listTokens(on: Queryable, workspace: WorkspaceId, { account, limit, after }: TokenPage): Promise<ListedToken[]> {
  const { rows } = await on.query<Row>(
    `SELECT ${LISTED} FROM ${FROM}
     WHERE t.workspace_id = $1 AND t.kind <> 'agent' AND ($2::bigint IS NULL OR t.account_id = $2)
       AND ${afterNewestSql("t.created_at", "t.id", "$4")}
     ORDER BY t.created_at DESC, t.id DESC LIMIT $3`,
    [workspace, account ?? null, limit, after ?? null],
  );
  return rows.map(fromRow);
}

export async function findListedToken(on: Queryable, workspace: WorkspaceId, id: string): Promise<ListedToken | undefined> {
  const { rows } = await on.query<Row>(`SELECT ${LISTED} FROM ${FROM} WHERE t.workspace_id = $1 AND t.id = $2`, [workspace, id]);
  return rows.map(fromRow)[0];
}

/** Those that still work. */
export async function countTokens(on: Queryable, workspace: WorkspaceId): Promise<number> {
  const { rows } = await on.query<{ count: number }>(
    "SELECT count(*)::integer AS count FROM token WHERE workspace_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())",
    [workspace],
  );
  return rows[0]?.count ?? 0;
}

/** Those that have not worked for three months: who wants to know of them asks the audit log. */
export async function forgetOldTokens(on: Queryable, workspace: WorkspaceId): Promise<void> {
  await on.query(
    `DELETE FROM token WHERE workspace_id = $1 AND kind IN ('personal', 'service', 'workspace') AND least(revoked_at, expires_at) < clock_timestamp() - interval '90 days'`,
    [workspace],
  );
}

/** @param account undefined: whoever holds it. @returns whether it ends now; undefined when there is no such token */
export async function revokeToken(on: Queryable, workspace: WorkspaceId, id: string, account: AccountId | undefined): Promise<boolean | undefined> {
  const wanted = "workspace_id = $1 AND id = $2 AND kind <> 'agent' AND ($3::bigint IS NULL OR account_id = $3)";
  const { rows } = await on.query<{ ended: boolean }>(
    `WITH ended AS (UPDATE token SET revoked_at = clock_timestamp() WHERE ${wanted} AND revoked_at IS NULL RETURNING id)
     SELECT EXISTS (SELECT FROM ended) AS ended FROM token WHERE ${wanted}`,
    [workspace, id, account ?? null],
  );
  return rows[0]?.ended;
}

/** All tokens of an account, in every workspace. @returns ids of those that had not ended before, by workspace */
export async function revokeTokensOf(on: Queryable, account: AccountId): Promise<{ workspace: WorkspaceId; ids: string[] }[]> {
  const { rows } = await on.query<{ workspace: string; ids: string[] }>(
    `WITH ended AS (UPDATE token SET revoked_at = clock_timestamp() WHERE account_id = $1 AND revoked_at IS NULL RETURNING id, workspace_id)
     SELECT workspace_id::text AS workspace, array_agg(id ORDER BY id) AS ids FROM ended GROUP BY workspace_id`,
    [account],
  );
  return rows.map(({ workspace, ids }) => ({ workspace: asWorkspaceId(workspace), ids }));
}

/**
 * Whoever has the whole token may end it, whatever it is: what was found lying about must be stoppable by its finder.
 * @returns where it belonged, when it ends now
 */
export async function revokeBySecret(on: Queryable, { kind, id, secretHash }: ParsedToken): Promise<{ workspace: WorkspaceId | undefined } | undefined> {
  const table = kind === "session" ? "account_session" : kind === "invitation" ? "invitation" : kind === "join" ? "agent_join_token" : "token";
  const { rows } = await on.query<{ workspace: string | null }>(
    `UPDATE ${table} SET revoked_at = clock_timestamp() WHERE id = $1 AND secret_hash = $2 AND revoked_at IS NULL
     RETURNING ${kind === "session" ? "NULL" : "workspace_id::text"} AS workspace`,
    [id, secretHash],
  );
  return rows.map(({ workspace }) => ({ workspace: workspace === null ? undefined : asWorkspaceId(workspace) }))[0];
}

function fromRow(row: Row): ListedToken {
  return {
    id: row.id,
    kind: row.kind,
    holder: row.holder ?? undefined,
    label: row.label,
    scopes: row.scopes ?? undefined,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    status: row.status,
    cursor: row.cursor,
  };
}
