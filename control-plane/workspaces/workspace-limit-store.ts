import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { WorkspaceLimits } from "../scheduler/core/workspace-limits-core.ts";

/** What a workspace is granted; weight 1, no cap and revision 0 when nobody has said anything. */
export async function readWorkspaceLimits(client: Queryable, workspace: WorkspaceId): Promise<WorkspaceLimits & { readonly revision: number }> {
  const { rows } = await client.query<{ weight: number; max_running: number | null; xid: string }>(
    "SELECT weight, max_running, xid::text FROM workspace_limit WHERE workspace_id = $1",
    [workspace],
  );
  return { weight: rows[0]?.weight ?? 1, maxRunning: rows[0]?.max_running ?? undefined, revision: Number(rows[0]?.xid ?? 0) };
}

/** What is granted to a workspace is changed by one at a time, also the first time: a condition on what it was holds until the end of the transaction. */
export async function lockGrants(client: Queryable, workspace: WorkspaceId): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('millrace.grants.' || $1::text, 0))", [workspace]);
}

/** @returns the new revision: the number of the transaction */
export async function writeWorkspaceLimits(client: Queryable, workspace: WorkspaceId, limits: WorkspaceLimits, changedBy: string): Promise<number> {
  const { rows } = await client.query<{ xid: string }>(
    `INSERT INTO workspace_limit (workspace_id, weight, max_running, changed_by) VALUES ($1, $2, $3, $4)
     ON CONFLICT (workspace_id) DO UPDATE SET weight = excluded.weight, max_running = excluded.max_running, changed_by = excluded.changed_by,
       changed_at = now(), xid = pg_current_xact_id()
     RETURNING xid::text`,
    [workspace, limits.weight, limits.maxRunning ?? null, changedBy],
  );
  return Number(rows[0]?.xid ?? 0);
}

export interface ChangedLimits {
  readonly changed: readonly { readonly workspace: WorkspaceId; readonly limits: WorkspaceLimits }[];
  /** Where the next look begins. */
  readonly next: string;
}

/** SQL: whether changedWorkspaceLimits would find something. */
export const hasChangedLimits = (since: string): string => `EXISTS (SELECT 1 FROM workspace_limit WHERE xid >= ${since}::xid8)`;

/**
 * What was written since an earlier look. The cursor is the oldest transaction that was still running then: whatever commits later carries at
 * least its number, so no change is ever missed, and some come twice. @param since "0" for all
 */
export async function changedWorkspaceLimits(pool: Pool, since: string): Promise<ChangedLimits> {
  const { rows } = await pool.query<{ next: string; workspace_id: string | null; weight: number | null; max_running: number | null }>(
    `SELECT s.next::text, l.workspace_id::text, l.weight, l.max_running
     FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS next) s LEFT JOIN workspace_limit l ON l.xid >= $1::xid8`,
    [since],
  );
  const changed = rows.flatMap(({ workspace_id, weight, max_running }) =>
    workspace_id === null ? [] : [{ workspace: asWorkspaceId(workspace_id), limits: { weight: weight ?? 1, maxRunning: max_running ?? undefined } }],
  );
  return { changed, next: rows[0]?.next ?? since };
}
