import { asJobId, asWorkspaceId, type JobId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";

export const LOCK_STATES = ["pending", "ready", "failed"] as const;

/** What is known of the dependencies of a version. */
export interface VersionLock {
  /** none: it has no dependencies that could be fixed. */
  readonly state: "none" | (typeof LOCK_STATES)[number];
  /** In the words of the language's own tool; empty until it is ready, and when there is nothing to fix. */
  readonly lock: string;
  readonly jobId: JobId | undefined;
  /** Why it failed. */
  readonly error: string | undefined;
}

const NO_LOCK: VersionLock = { state: "none", lock: "", jobId: undefined, error: undefined };

/** Columns of `script_lock l`, for statements that join it. */
export const LOCK_COLUMNS = "l.state AS lock_state, l.lock, l.job_id::text AS lock_job, l.error AS lock_error";

export interface LockRow {
  lock_state: number | null;
  lock: string | null;
  lock_job: string | null;
  lock_error: string | null;
}

export function versionLock(row: LockRow): VersionLock {
  const state = row.lock_state === null ? undefined : LOCK_STATES[row.lock_state];
  if (state === undefined) return NO_LOCK;
  return { state, lock: row.lock ?? "", jobId: row.lock_job === null ? undefined : asJobId(row.lock_job), error: row.lock_error ?? undefined };
}

/** What a new version's lock begins as. `given`: the caller brought it. */
export type NewLock = { readonly kind: "none" } | { readonly kind: "given"; readonly lock: string } | { readonly kind: "pending" };

/** A lock that is to be found out. */
export interface PendingLock {
  readonly workspace: WorkspaceId;
  readonly hash: string;
  readonly round: number;
  readonly jobId: JobId | undefined;
}

interface PendingRow {
  workspace_id: string;
  hash: string;
  round: number;
  job_id: string | null;
}

const PENDING_COLUMNS = "workspace_id::text, hash, round, job_id::text";

function pendingLock(row: PendingRow): PendingLock {
  return { workspace: asWorkspaceId(row.workspace_id), hash: row.hash, round: row.round, jobId: row.job_id === null ? undefined : asJobId(row.job_id) };
}

/** SQL: whether any lock waits. */
export const hasPendingLocks = (): string => "EXISTS (SELECT 1 FROM script_lock WHERE state = 0)";

/** Locks that wait, after one that was looked at before, in a fixed order. */
export async function pendingLocks(pool: Pool, after: Pick<PendingLock, "workspace" | "hash"> | undefined, limit: number): Promise<PendingLock[]> {
  const { rows } = await pool.query<PendingRow>(
    `SELECT ${PENDING_COLUMNS} FROM script_lock WHERE state = 0 AND (workspace_id, hash) > ($1::bigint, $2) ORDER BY workspace_id, hash LIMIT $3`,
    [after?.workspace ?? "0", after?.hash ?? "", limit],
  );
  return rows.map(pendingLock);
}

/** The lock of one version, if it waits. */
export async function pendingLockOf(pool: Pool, workspace: WorkspaceId, hash: string): Promise<PendingLock | undefined> {
  const { rows } = await pool.query<PendingRow>(`SELECT ${PENDING_COLUMNS} FROM script_lock WHERE workspace_id = $1 AND hash = $2 AND state = 0`, [
    workspace,
    hash,
  ]);
  return rows[0] === undefined ? undefined : pendingLock(rows[0]);
}

/** Notes the job that finds out a lock; nothing when the lock does not wait for this round any more. */
export async function noteLockJob(pool: Pool, { workspace, hash, round }: PendingLock, jobId: JobId): Promise<void> {
  await pool.query("UPDATE script_lock SET job_id = $4, updated_at = now() WHERE workspace_id = $1 AND hash = $2 AND round = $3 AND state = 0", [
    workspace,
    hash,
    round,
    jobId,
  ]);
}

export type LockEnd = { readonly kind: "ready"; readonly lock: string } | { readonly kind: "failed"; readonly error: string };

/** Writes down what became of a lock; nothing when another replica did so before. */
export async function settleLock(pool: Pool, { workspace, hash, round }: PendingLock, end: LockEnd): Promise<void> {
  await pool.query(
    `UPDATE script_lock SET state = $4, lock = $5, error = $6, updated_at = now() WHERE workspace_id = $1 AND hash = $2 AND round = $3 AND state = 0`,
    [workspace, hash, round, LOCK_STATES.indexOf(end.kind), end.kind === "ready" ? end.lock : null, end.kind === "failed" ? end.error : null],
  );
}

/** Asks once more for a lock: `from` is the state that it is in now. */
export async function askAgain(pool: Pool, workspace: WorkspaceId, hash: string, from: "failed" | "pending", round?: number): Promise<void> {
  await pool.query(
    `UPDATE script_lock SET state = 0, round = round + 1, job_id = NULL, error = NULL, updated_at = now()
     WHERE workspace_id = $1 AND hash = $2 AND state = $3 AND ($4::int IS NULL OR round = $4)`,
    [workspace, hash, LOCK_STATES.indexOf(from), round ?? null],
  );
}
