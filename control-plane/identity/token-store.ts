import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { NewToken, TokenKind } from "./token-format.ts";

export interface StoredToken {
  readonly id: string;
  readonly secretHash: Buffer;
  readonly kind: TokenKind;
  readonly workspace: WorkspaceId | undefined;
  readonly workspaceName: string | undefined;
  readonly label: string;
  readonly expiresAtMs: number | undefined;
  readonly revoked: boolean;
}

interface TokenRow {
  id: string;
  secret_hash: Buffer;
  kind: TokenKind;
  workspace_id: string | null;
  workspace_name: string | null;
  label: string;
  expires_at: Date | null;
  revoked_at: Date | null;
}

/** A token by its public id, with its workspace; undefined when there is none. */
export async function findToken(pool: Pool, id: string): Promise<StoredToken | undefined> {
  const { rows } = await pool.query<TokenRow>(
    `SELECT t.id, t.secret_hash, t.kind, t.workspace_id::text, w.name AS workspace_name, t.label, t.expires_at, t.revoked_at
     FROM token t LEFT JOIN workspace w ON w.id = t.workspace_id WHERE t.id = $1`,
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
  };
}

/** Stores a new token; only its hash. */
export async function insertToken(pool: Pool, token: NewToken, workspace: WorkspaceId | undefined, label: string): Promise<void> {
  await pool.query("INSERT INTO token (id, secret_hash, kind, workspace_id, label) VALUES ($1, $2, $3, $4, $5)", [
    token.id,
    token.secretHash,
    token.kind,
    workspace ?? null,
    label,
  ]);
}
