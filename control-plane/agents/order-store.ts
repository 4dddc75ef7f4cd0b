import { type AgentKey, asAgentKey, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";

/** What people may order of an agent. */
export type AgentOrder = "pause" | "resume" | "leave" | "revoke";

/** What holds for an agent now. */
export interface StandingOrders {
  readonly key: AgentKey;
  readonly paused: boolean;
  readonly leave: boolean;
  readonly revoked: boolean;
}

const CHANGES: Readonly<Record<AgentOrder, string>> = {
  pause: "paused_at = coalesce(paused_at, clock_timestamp())",
  resume: "paused_at = NULL",
  leave: "leave_asked_at = clock_timestamp()",
  revoke: "revoked_at = coalesce(revoked_at, clock_timestamp())",
};

interface Row {
  id: string;
  paused: boolean;
  leave: boolean;
  revoked: boolean;
}

const STANDING = "id::text, paused_at IS NOT NULL AS paused, leave_asked_at IS NOT NULL AS leave, revoked_at IS NOT NULL AS revoked";

/**
 * Gives an order to an agent of the workspace, connected or not.
 * @param withShared also to one that serves every workspace
 * @returns undefined when there is no such agent, or it was revoked before
 */
export async function orderAgent(
  client: Queryable,
  agentId: string,
  order: AgentOrder,
  by: { readonly workspace: WorkspaceId; readonly withShared: boolean; readonly label: string },
): Promise<StandingOrders | undefined> {
  const { rows } = await client.query<Row>(
    `UPDATE agent SET ${CHANGES[order]}, ordered_at = clock_timestamp(), ordered_by = $4
     WHERE agent_id = $1 AND (workspace_id = $2 OR ($3 AND workspace_id IS NULL)) AND (revoked_at IS NULL OR $5)
     RETURNING ${STANDING}`,
    [agentId, by.workspace, by.withShared, by.label, order === "revoke"],
  );
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Agents that were given an order within the last while, and what holds for them. By an index that has only these. */
export async function readNewOrders(pool: Pool, withinS: number): Promise<StandingOrders[]> {
  const { rows } = await pool.query<Row>(`SELECT ${STANDING} FROM agent WHERE ordered_at > clock_timestamp() - make_interval(secs => $1)`, [withinS]);
  return rows.map(fromRow);
}

export interface EnrolledAgent {
  readonly agentId: string;
  readonly name: string;
  readonly joinedBy: string;
  readonly joinedAt: Date;
  readonly connectedAt: Date;
  readonly allowedTags: readonly string[];
  readonly paused: boolean;
  readonly credentialUntil: Date;
}

/** Agents that joined the workspace and were not revoked, connected or not; the newest first. */
export async function listEnrolled(pool: Pool, workspace: WorkspaceId, limit: number): Promise<EnrolledAgent[]> {
  const { rows } = await pool.query<{
    agent_id: string;
    name: string;
    joined_by: string;
    joined_at: Date;
    connected_at: Date;
    allowed_tags: string[];
    paused: boolean;
    credential_until: Date;
  }>(
    `SELECT agent_id, name, joined_by, joined_at, connected_at, allowed_tags, paused_at IS NOT NULL AS paused, credential_until
     FROM agent WHERE workspace_id = $1 AND public_key IS NOT NULL AND revoked_at IS NULL ORDER BY id DESC LIMIT $2`,
    [workspace, limit],
  );
  return rows.map(({ agent_id, name, joined_by, joined_at, connected_at, allowed_tags, paused, credential_until }) => ({
    agentId: agent_id,
    name,
    joinedBy: joined_by,
    joinedAt: joined_at,
    connectedAt: connected_at,
    allowedTags: allowed_tags,
    paused,
    credentialUntil: credential_until,
  }));
}

function fromRow({ id, paused, leave, revoked }: Row): StandingOrders {
  return { key: asAgentKey(id), paused, leave, revoked };
}
