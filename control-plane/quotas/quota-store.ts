import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { shardOf } from "../jobs/model.ts";

/** What a workspace may use; undefined: as the instance says. */
export interface WorkspaceQuotas {
  readonly requestsPerS: number | undefined;
  /** With each of its tokens. */
  readonly tokenRequestsPerS: number | undefined;
  readonly jobsPerMinute: number | undefined;
  readonly maxQueued: number | undefined;
  readonly maxStorageBytes: number | undefined;
}

const NO_QUOTAS: WorkspaceQuotas = {
  requestsPerS: undefined,
  tokenRequestsPerS: undefined,
  jobsPerMinute: undefined,
  maxQueued: undefined,
  maxStorageBytes: undefined,
};

interface Row {
  requests_per_s: number | null;
  token_requests_per_s: number | null;
  jobs_per_minute: number | null;
  max_queued: number | null;
  max_storage_bytes: string | null;
}

const COLUMNS = "q.requests_per_s, q.token_requests_per_s, q.jobs_per_minute, q.max_queued, q.max_storage_bytes::text";

export async function readQuotas(client: Queryable, workspace: WorkspaceId): Promise<WorkspaceQuotas & { readonly revision: number }> {
  const { rows } = await client.query<Row & { xid: string }>(`SELECT ${COLUMNS}, q.xid::text FROM workspace_quota q WHERE q.workspace_id = $1`, [workspace]);
  const row = rows[0];
  return row === undefined ? { ...NO_QUOTAS, revision: 0 } : { ...fromRow(row), revision: Number(row.xid) };
}

/** @returns the new revision: the number of the transaction */
export async function writeQuotas(client: Queryable, workspace: WorkspaceId, quotas: WorkspaceQuotas, changedBy: string): Promise<number> {
  const { requestsPerS, tokenRequestsPerS, jobsPerMinute, maxQueued, maxStorageBytes } = quotas;
  const values = [requestsPerS, tokenRequestsPerS, jobsPerMinute, maxQueued, maxStorageBytes].map((value) => value ?? null);
  const { rows } = await client.query<{ xid: string }>(
    `INSERT INTO workspace_quota (workspace_id, requests_per_s, token_requests_per_s, jobs_per_minute, max_queued, max_storage_bytes, changed_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (workspace_id) DO UPDATE SET requests_per_s = excluded.requests_per_s, token_requests_per_s = excluded.token_requests_per_s,
       jobs_per_minute = excluded.jobs_per_minute, max_queued = excluded.max_queued, max_storage_bytes = excluded.max_storage_bytes,
       changed_by = excluded.changed_by, changed_at = now(), xid = pg_current_xact_id()
     RETURNING xid::text`,
    [workspace, ...values, changedBy],
  );
  return Number(rows[0]?.xid ?? 0);
}

/** SQL: whether changedQuotas would find something. */
export const hasChangedQuotas = (since: string): string => `EXISTS (SELECT 1 FROM workspace_quota WHERE xid >= ${since}::xid8)`;

/** What was written since an earlier look; see changedWorkspaceLimits for the cursor. @param since "0" for all */
export async function changedQuotas(pool: Pool, since: string): Promise<{ changed: [WorkspaceId, WorkspaceQuotas][]; next: string }> {
  const { rows } = await pool.query<Row & { next: string; workspace_id: string | null }>(
    `SELECT s.next::text, q.workspace_id::text, ${COLUMNS}
     FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS next) s LEFT JOIN workspace_quota q ON q.xid >= $1::xid8`,
    [since],
  );
  const changed = rows.flatMap((row): [WorkspaceId, WorkspaceQuotas][] => (row.workspace_id === null ? [] : [[asWorkspaceId(row.workspace_id), fromRow(row)]]));
  return { changed, next: rows[0]?.next ?? since };
}

/** Jobs of a workspace that wait, at most `most`. By the index of the queue's order; each row that is counted is looked at. */
export async function countQueued(client: Queryable, workspace: WorkspaceId, most: number): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM (SELECT 1 FROM job_pending WHERE workspace_id = $1 AND shard = $2 LIMIT $3) queued",
    [workspace, shardOf(workspace), most],
  );
  return rows[0]?.count ?? 0;
}

export async function countRunning(client: Queryable, workspace: WorkspaceId, most: number): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM (SELECT 1 FROM job_running WHERE workspace_id = $1 AND shard = $2 LIMIT $3) running",
    [workspace, shardOf(workspace), most],
  );
  return rows[0]?.count ?? 0;
}

function fromRow(row: Row): WorkspaceQuotas {
  return {
    requestsPerS: row.requests_per_s ?? undefined,
    tokenRequestsPerS: row.token_requests_per_s ?? undefined,
    jobsPerMinute: row.jobs_per_minute ?? undefined,
    maxQueued: row.max_queued ?? undefined,
    maxStorageBytes: row.max_storage_bytes === null ? undefined : Number(row.max_storage_bytes),
  };
}
