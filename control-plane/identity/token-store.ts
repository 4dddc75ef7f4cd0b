import { type AccountId, asAccountId, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { NewToken } from "./token-format.ts";

/** Kinds of tokens that have a row here. */
type StoredTokenKind = "admin" | "workspace" | "agent" | "personal" | "service";

export interface StoredToken {
  readonly id: string;
  readonly secretHash: Buffer;
  readonly kind: StoredTokenKind;
  readonly workspace: WorkspaceId | undefined;
  readonly workspaceName: string | undefined;
  readonly label: string;
  readonly expiresAtMs: number | undefined;
  readonly revoked: boolean;
  /** Undefined: everything that its holder may do. */
  readonly scopes: readonly string[] | undefined;
  /** Of a personal token, and of one of a service account. */
  readonly holder: { readonly id: AccountId; readonly label: string; readonly isDisabled: boolean } | undefined;
  /** The use that is noted was five minutes ago or more. */
  readonly useIsStale: boolean;
}

interface TokenRow {
  id: string;
  secret_hash: Buffer;
  kind: StoredTokenKind;
  workspace_id: string | null;
  workspace_name: string | null;
  label: string;
  expires_at: Date | null;
  revoked_at: Date | null;
  scopes: string[] | null;
  account_id: string | null;
  holder: string | null;
  is_disabled: boolean;
  use_is_stale: boolean;
}

/** A token by its public id, with its workspace and its holder; undefined when there is none. */
export async function findToken(pool: Pool, id: string): Promise<StoredToken | undefined> {
  const { rows } = await pool.query<TokenRow>(
    `SELECT t.id, t.secret_hash, t.kind, t.workspace_id::text, w.name AS workspace_name, t.label, t.expires_at, t.revoked_at, t.scopes,
       t.account_id::text, coalesce(a.email, 'service:' || s.name) AS holder, a.disabled_at IS NOT NULL AS is_disabled,
       coalesce(t.last_used_at < clock_timestamp() - interval '5 minutes', true) AS use_is_stale
     FROM token t LEFT JOIN workspace w ON w.id = t.workspace_id
       LEFT JOIN account a ON a.id = t.account_id LEFT JOIN service_account s ON s.account_id = t.account_id
     WHERE t.id = $1`,
    [id],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    id: row.id,
    secretHash: row.secret_hash,
    kind: row.kind,
    workspace: row.workspace_id === null ? undefined : asWorkspaceId(row.workspace_id),
    workspaceName: row.workspace_name ?? undefined,
    label: row.label,
    expiresAtMs: row.expires_at?.getTime(),
    revoked: row.revoked_at !== null,
    scopes: row.scopes ?? undefined,
    holder: row.account_id === null ? undefined : { id: asAccountId(row.account_id), label: row.holder ?? "", isDisabled: row.is_disabled },
    useIsStale: row.use_is_stale,
  };
}

/** Notes that a token was used, to within five minutes. */
export async function noteTokenUse(pool: Pool, id: string): Promise<void> {
  await pool.query(
    "UPDATE token SET last_used_at = clock_timestamp() WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '5 minutes')",
    [id],
  );
}

export interface TokenSettings {
  readonly accountId?: AccountId;
  readonly scopes?: readonly string[];
  /** Without it the token never ends. */
  readonly expiresInS?: number;
  readonly createdBy?: string;
}

/** Stores a new token; only its hash. */
export async function insertToken(
  on: Queryable,
  token: NewToken,
  workspace: WorkspaceId | undefined,
  label: string,
  settings: TokenSettings = {},
): Promise<void> {
  await on.query(
    `INSERT INTO token (id, secret_hash, kind, workspace_id, label, account_id, scopes, expires_at, created_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(secs => $8), coalesce($9, 'first start'))`,
    [
      token.id,
      token.secretHash,
      token.kind,
      workspace ?? null,
      label,
      settings.accountId ?? null,
      settings.scopes ?? null,
      settings.expiresInS ?? null,
      settings.createdBy ?? null,
    ],
  );
}
