import { type AccountId, asAccountId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { NewToken } from "./token-format.ts";

/** A session that is neither revoked nor over, of an account that is not disabled. */
export interface LiveSession {
  readonly id: string;
  readonly secretHash: Buffer;
  readonly accountId: AccountId;
  readonly email: string;
  readonly isInstanceAdmin: boolean;
  readonly expiresAtMs: number;
  /** The visit that is noted was a minute ago or more. */
  readonly visitIsStale: boolean;
}

export interface ListedSession {
  readonly id: string;
  readonly method: string;
  readonly userAgent: string;
  readonly address: string;
  readonly createdAt: Date;
  readonly seenAt: Date;
  readonly expiresAt: Date;
}

/** The oldest beyond this many are ended by the next login. */
const MAX_SESSIONS = 50;

/** @param idleMs a session that was not seen for this long is over */
export async function findLiveSession(pool: Pool, id: string, idleMs: number): Promise<LiveSession | undefined> {
  const { rows } = await pool.query<{
    id: string;
    secret_hash: Buffer;
    account_id: string;
    email: string | null;
    is_instance_admin: boolean;
    expires_at: Date;
    visit_is_stale: boolean;
  }>(
    `SELECT s.id, s.secret_hash, s.account_id::text, a.email, a.is_instance_admin, s.expires_at,
       s.seen_at < clock_timestamp() - interval '1 minute' AS visit_is_stale
     FROM account_session s JOIN account a ON a.id = s.account_id
     WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND a.disabled_at IS NULL
       AND s.seen_at > clock_timestamp() - make_interval(secs => $2)`,
    [id, idleMs / 1000],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    id: row.id,
    secretHash: row.secret_hash,
    accountId: asAccountId(row.account_id),
    email: row.email ?? "",
    isInstanceAdmin: row.is_instance_admin,
    expiresAtMs: row.expires_at.getTime(),
    visitIsStale: row.visit_is_stale,
  };
}

/** Whether its person has logged in, or confirmed it, within a while. */
export async function isConfirmed(pool: Pool, id: string, withinMs: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    "SELECT FROM account_session WHERE id = $1 AND coalesce(confirmed_at, created_at) > clock_timestamp() - make_interval(secs => $2)",
    [id, withinMs / 1000],
  );
  return rowCount === 1;
}

export async function confirmSession(on: Queryable, id: string): Promise<void> {
  await on.query("UPDATE account_session SET confirmed_at = clock_timestamp() WHERE id = $1", [id]);
}

/** Notes that a session is in use, to within a minute. */
export async function noteVisit(pool: Pool, id: string): Promise<void> {
  await pool.query("UPDATE account_session SET seen_at = clock_timestamp() WHERE id = $1 AND seen_at < clock_timestamp() - interval '1 minute'", [id]);
}

export interface NewSession {
  readonly accountId: AccountId;
  readonly method: string;
  readonly userAgent: string;
  readonly address: string;
  /** It ends after this long, however much it is used. */
  readonly maxMs: number;
}

/** Stores a session, only the hash of its secret, and ends the account's oldest ones beyond the bound. */
export async function insertSession(on: Queryable, token: NewToken, { accountId, method, userAgent, address, maxMs }: NewSession): Promise<void> {
  await on.query(
    `WITH over AS (
       DELETE FROM account_session WHERE account_id = $3
         AND id IN (SELECT id FROM account_session WHERE account_id = $3 ORDER BY revoked_at IS NOT NULL, created_at DESC OFFSET $8))
     INSERT INTO account_session (id, secret_hash, account_id, method, user_agent, address, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7))`,
    [token.id, token.secretHash, accountId, method, userAgent, address, maxMs / 1000, MAX_SESSIONS - 1],
  );
}

/** Those that still let somebody in, the newest first. */
export async function listSessions(pool: Pool, account: AccountId, idleMs: number): Promise<ListedSession[]> {
  const { rows } = await pool.query<{ id: string; method: string; user_agent: string; address: string; created_at: Date; seen_at: Date; expires_at: Date }>(
    `SELECT id, method, user_agent, address, created_at, seen_at, expires_at FROM account_session
     WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > clock_timestamp() AND seen_at > clock_timestamp() - make_interval(secs => $2)
     ORDER BY created_at DESC LIMIT $3`,
    [account, idleMs / 1000, MAX_SESSIONS],
  );
  return rows.map((row) => ({
    id: row.id,
    method: row.method,
    userAgent: row.user_agent,
    address: row.address,
    createdAt: row.created_at,
    seenAt: row.seen_at,
    expiresAt: row.expires_at,
  }));
}

/** @returns whether it ends now; undefined when the account has no such session */
export async function revokeSession(on: Queryable, account: AccountId, id: string): Promise<boolean | undefined> {
  const { rows } = await on.query<{ ended: boolean }>(
    `WITH ended AS (UPDATE account_session SET revoked_at = clock_timestamp() WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL RETURNING id)
     SELECT EXISTS (SELECT FROM ended) AS ended FROM account_session WHERE id = $1 AND account_id = $2`,
    [id, account],
  );
  return rows[0]?.ended;
}

/** All of an account, but perhaps one. @returns how many those were that had not ended before */
export async function revokeSessions(on: Queryable, account: AccountId, butId?: string): Promise<number> {
  const { rowCount } = await on.query(
    "UPDATE account_session SET revoked_at = clock_timestamp() WHERE account_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2",
    [account, butId ?? null],
  );
  return rowCount ?? 0;
}
