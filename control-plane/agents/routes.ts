import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import type { AgentHome } from "./agent-home.ts";
import { type AgentView, agentList } from "./contract.ts";
import type { SessionServer } from "./session-server.ts";

/** Agents at this home, as far as a workspace may see them. */
export function agentsOf(server: SessionServer, home: AgentHome, workspace: WorkspaceId): AgentView[] {
  return server.sessions.flatMap((session) => {
    const { workspace: own, hello, session: id } = session.agentInfo;
    const { state, reason } = session.state;
    if (own !== undefined && own !== workspace) return [];
    return [
      {
        id: hello.agentId,
        name: hello.agentName,
        host: hello.host,
        version: hello.agentVersion,
        shared: own === undefined,
        scope: own === undefined ? "shared" : "workspace",
        enrolled: session.renewAtMs !== undefined,
        state,
        ...(reason !== "" && { state_reason: reason }),
        tags: hello.tags,
        languages: hello.runtimes.map(({ language, version }) => ({ language, version })),
        sandbox: { level: hello.sandbox?.level ?? 0, reasons: hello.sandbox?.reasons ?? [] },
        slots: home.slotsOf(id) ?? hello.slots,
        // Of a shared agent a workspace sees only its own jobs: what others run is not its business.
        running: home.runningOf(id, workspace),
        connected_at: new Date(session.connectedAtMs).toISOString(),
      },
    ];
  });
}

export function addAgentRoutes(root: FastifyInstance, agents: (workspace: WorkspaceId) => Promise<AgentView[]>): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/w/:workspace/agents",
    {
      config: { permission: "agents:read" },
      schema: {
        tags: ["agents"],
        operationId: "listAgents",
        summary: "Connected agents that serve the workspace",
        params: z.object({ workspace: z.string() }),
        response: { 200: agentList, default: problemView },
      },
    },
    async (request) => {
      const { workspace, principal } = callerOf(request);
      const found = await agents(workspace.id);
      // One that has just moved may be seen at both homes.
      const newest = new Map(found.sort((a, b) => (a.connected_at < b.connected_at ? -1 : 1)).map((agent) => [agent.id, agent]));
      // Where a shared agent runs, and what its host is like, is the operator's business.
      const shown = [...newest.values()].map((agent) => (agent.shared && principal.kind !== "admin" ? withoutHost(agent) : agent));
      return { agents: shown.sort((a, b) => (a.name < b.name ? -1 : 1)) };
    },
  );
}

function withoutHost(agent: AgentView): AgentView {
  const { state_reason: _reason, ...rest } = agent;
  return { ...rest, host: "", sandbox: { level: agent.sandbox.level, reasons: [] } };
}
