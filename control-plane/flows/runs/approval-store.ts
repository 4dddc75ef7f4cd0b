import type { AccountId, WorkspaceId } from "../../../kernel/ids.ts";
import type { Pool } from "../../db/pools.ts";
import type { Queryable } from "../../db/transaction.ts";
import { shardOf } from "../../jobs/model.ts";
import type { ApprovalClaims } from "./approval-token.ts";

/** Takes an answer in: from here on it is not lost. @returns false when this approver has answered already */
export async function insertApproval(client: Queryable, claims: ApprovalClaims, approved: boolean, payload: string): Promise<boolean> {
  const { workspace, flow, place, approver } = claims;
  const { rowCount } = await client.query(
    `INSERT INTO flow_approval (workspace_id, id, shard, place, approver, approved, payload) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [workspace, flow, shardOf(workspace), place, approver, approved, payload],
  );
  return rowCount === 1;
}

/** Whether an account is in any of these groups of a workspace. */
export async function isInGroups(pool: Pool, workspace: WorkspaceId, account: AccountId, groups: readonly string[]): Promise<boolean> {
  const { rowCount } = await pool.query("SELECT 1 FROM group_account WHERE workspace_id = $1 AND account_id = $2 AND group_name = ANY($3::text[]) LIMIT 1", [
    workspace,
    account,
    groups,
  ]);
  return rowCount === 1;
}

/** An answer that is not an event yet. */
export interface PendingAnswer {
  readonly place: string;
  readonly approver: string;
  readonly bytes: number;
}

/** Those of a run. */
export async function pendingAnswers(pool: Pool, { workspace, flow }: ApprovalClaims): Promise<readonly PendingAnswer[]> {
  const { rows } = await pool.query<PendingAnswer>(
    "SELECT place, approver, octet_length(payload) AS bytes FROM flow_approval WHERE workspace_id = $1 AND id = $2",
    [workspace, flow],
  );
  return rows;
}

/** Whether an answer of the approver has been taken in and is not an event yet. */
export async function hasApproval(pool: Pool, { workspace, flow, place, approver }: ApprovalClaims): Promise<boolean> {
  const { rowCount } = await pool.query("SELECT 1 FROM flow_approval WHERE workspace_id = $1 AND id = $2 AND place = $3 AND approver = $4", [
    workspace,
    flow,
    place,
    approver,
  ]);
  return rowCount === 1;
}
