import { asJobId, type JobId, type Token, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { shardOf } from "./model.ts";

/** Writes down how far an attempt is. @returns false when it does not run any more: then nothing is written */
export async function writeProgress(pool: Pool, workspace: WorkspaceId, id: JobId, attempt: Token, percent: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `INSERT INTO job_progress (workspace_id, id, attempt, percent)
     SELECT r.workspace_id, r.id, r.attempt, $5 FROM job_running r WHERE r.workspace_id = $1 AND r.id = $2 AND r.shard = $3 AND r.token = $4
     ON CONFLICT (workspace_id, id) DO UPDATE SET attempt = excluded.attempt, percent = excluded.percent`,
    [workspace, id, shardOf(workspace), attempt, percent],
  );
  return rowCount === 1;
}

/** What jobs have said, and the attempt that said it. */
export async function readProgress(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<Map<JobId, { attempt: number; percent: number }>> {
  if (ids.length === 0) return new Map();
  const { rows } = await pool.query<{ id: string; attempt: number; percent: number }>(
    "SELECT id::text, attempt, percent FROM job_progress WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
    [workspace, ids],
  );
  return new Map(rows.map(({ id, attempt, percent }) => [asJobId(id), { attempt, percent }]));
}
