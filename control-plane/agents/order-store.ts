import { type AgentKey, asAgentKey, type WorkspaceId } from "../../kernel/ids.ts";
import { afterNewestSql, newestCursorSql } from "../db/newest-first.ts";
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

/** Orders become visible when they are committed, which is later than the time that they carry. */
const OVERLAP = "interval '10 s'";

/** SQL: whether readNewOrders would find something. By an index that has only agents that were ever given an order. */
export const hasNewOrders = (since: string): string => `EXISTS (SELECT 1 FROM agent WHERE ordered_at > ${since}::timestamptz - ${OVERLAP})`;

/**
 * Agents that were given an order since an earlier read or shortly before it, and what holds for them; so the same comes several times.
 * @param since undefined: of the last seconds
 * @returns with where the next read begins: a time of the database, as text
 */
export async function readNewOrders(pool: Pool, since: string | undefined): Promise<{ orders: StandingOrders[]; next: string }> {
  const { rows } = await pool.query<{ next: string } & (Row | { id: null })>(
    `SELECT n.next::text, a.* FROM (SELECT clock_timestamp() AS next) n
       LEFT JOIN (SELECT ${STANDING} FROM agent WHERE ordered_at > coalesce($1::timestamptz, clock_timestamp()) - ${OVERLAP}) a ON true`,
    [since ?? null],
  );
  return { orders: rows.flatMap((row) => (row.id === null ? [] : [fromRow(row)])), next: rows[0]?.next ?? since ?? "-infinity" };
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
  /** Where the next page goes on. */
  readonly cursor: string;
}

/** Agents that joined the workspace and were not revoked, connected or not; the newest first. @param after cursor of the last one of the page before */
export async function listEnrolled(pool: Pool, workspace: WorkspaceId, after: string | undefined, limit: number): Promise<EnrolledAgent[]> {
  const { rows } = await pool.query<{
    agent_id: string;
    name: string;
    joined_by: string;
    joined_at: Date;
    connected_at: Date;
    allowed_tags: string[];
    paused: boolean;
    credential_until: Date;
    cursor: string;
  }>(
    `SELECT agent_id, name, joined_by, joined_at, connected_at, allowed_tags, paused_at IS NOT NULL AS paused, credential_until,
       ${newestCursorSql("created_at", "agent_id::text")} AS cursor
     FROM agent WHERE workspace_id = $1 AND public_key IS NOT NULL AND revoked_at IS NULL
       AND ${afterNewestSql("created_at", "agent_id", "$2", "uuid")}
     ORDER BY created_at DESC, agent_id DESC LIMIT $3`,
    [workspace, after ?? null, limit],
  );
  return rows.map(({ agent_id, name, joined_by, joined_at, connected_at, allowed_tags, paused, credential_until, cursor }) => ({
    agentId: agent_id,
    name,
    joinedBy: joined_by,
    joinedAt: joined_at,
    connectedAt: connected_at,
    allowedTags: allowed_tags,
    paused,
    credentialUntil: credential_until,
    cursor,
  }));
}

function fromRow({ id, paused, leave, revoked }: Row): StandingOrders {
  return { key: asAgentKey(id), paused, leave, revoked };
}
