import { type AgentKey, asAgentKey, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";

/**
 * Registers an agent under the id that it made for itself and returns its number.
 * An id that was registered under another workspace is refused (undefined): it is not the same agent.
 */
export async function registerAgent(
  pool: Pool,
  agent: { agentId: string; name: string; workspace: WorkspaceId | undefined; tokenId: string },
): Promise<AgentKey | undefined> {
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO agent (agent_id, name, workspace_id, token_id) VALUES ($1, $2, $3, $4)
     ON CONFLICT (agent_id) DO UPDATE SET name = excluded.name, token_id = excluded.token_id, connected_at = now()
     WHERE agent.workspace_id IS NOT DISTINCT FROM excluded.workspace_id
     RETURNING id::text`,
    [agent.agentId, agent.name, agent.workspace ?? null, agent.tokenId],
  );
  const row = rows[0];
  return row === undefined ? undefined : asAgentKey(row.id);
}
