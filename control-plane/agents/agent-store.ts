import { type AgentKey, asAgentKey, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";

/** Place of a Hello among those of its agent: starts of the agent, then streams of that process. */
export interface HelloOrder {
  readonly start: number;
  readonly dial: number;
}

interface NewSession {
  readonly agentId: string;
  readonly name: string;
  readonly workspace: WorkspaceId | undefined;
  readonly tokenId: string;
  /** Undefined for an agent that does not count. */
  readonly order: HelloOrder | undefined;
}

/**
 * registered: `serial` counts the agent's sessions · foreign: the id belongs to another workspace, or to an agent with a key ·
 * overtaken: a newer Hello came before · revoked
 */
type Registration =
  | { readonly kind: "registered"; readonly key: AgentKey; readonly serial: number; readonly paused: boolean; readonly leave: boolean }
  | { readonly kind: "foreign" }
  | { readonly kind: "overtaken" }
  | { readonly kind: "revoked" };

/**
 * Longer than a Hello can be under way. An agent whose count went back, because its data folder was restored from a copy, is let in after it:
 * the order is then meaningless, and who comes last wins, as for agents that do not count.
 */
export const OVERTAKEN_WITHIN_S = 60;

/**
 * Registers a session of an agent under the id that the agent made for itself. One statement decides for all replicas: a Hello that
 * arrives after a newer one of the same agent is refused, whatever its order of arrival at this replica.
 */
export async function registerSession(pool: Pool, { agentId, name, workspace, tokenId, order }: NewSession): Promise<Registration> {
  const { rows } = await pool.query<{ id: string; serial: number; paused: boolean; leave: boolean }>(
    `INSERT INTO agent (agent_id, name, workspace_id, token_id, hello_start, hello_dial, sessions) VALUES ($1, $2, $3, $4, $5, $6, 1)
     ON CONFLICT (agent_id) DO UPDATE SET name = excluded.name, token_id = excluded.token_id, connected_at = clock_timestamp(),
       hello_start = excluded.hello_start, hello_dial = excluded.hello_dial, sessions = agent.sessions + 1,
       leave_asked_at = CASE WHEN excluded.hello_start > agent.hello_start THEN NULL ELSE agent.leave_asked_at END
     WHERE agent.workspace_id IS NOT DISTINCT FROM excluded.workspace_id AND agent.public_key IS NULL AND agent.revoked_at IS NULL AND (excluded.hello_start = 0
       OR (agent.hello_start, agent.hello_dial) < (excluded.hello_start, excluded.hello_dial)
       OR agent.connected_at < clock_timestamp() - make_interval(secs => ${OVERTAKEN_WITHIN_S}))
     RETURNING id::text, sessions::float8 AS serial, paused_at IS NOT NULL AS paused, leave_asked_at IS NOT NULL AS leave`,
    [agentId, name, workspace ?? null, tokenId, order?.start ?? 0, order?.dial ?? 0],
  );
  const row = rows[0];
  if (row !== undefined) return { kind: "registered", key: asAgentKey(row.id), serial: row.serial, paused: row.paused, leave: row.leave };
  const own = await pool.query<{ revoked: boolean }>(
    `SELECT revoked_at IS NOT NULL AS revoked FROM agent
     WHERE agent_id = $1 AND workspace_id IS NOT DISTINCT FROM $2::bigint AND public_key IS NULL`,
    [agentId, workspace ?? null],
  );
  if (own.rows[0] === undefined) return { kind: "foreign" };
  return { kind: own.rows[0].revoked ? "revoked" : "overtaken" };
}
