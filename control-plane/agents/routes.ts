import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import type { Owner } from "../scheduler/owner.ts";
import { agentList } from "./contract.ts";
import type { SessionServer } from "./session-server.ts";

export function addAgentRoutes(root: FastifyInstance, server: SessionServer, owner: () => Owner | undefined): void {
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
      const { workspace } = callerOf(request);
      const agents = server.sessions.flatMap((session) => {
        const { key, workspace: own, hello } = session.agentInfo;
        if (own !== undefined && own !== workspace.id) return [];
        const state = owner()?.state.agents.get(key);
        // Of a shared agent a workspace sees only its own jobs: what others run is not its business.
        const running = [...(state?.running.values() ?? [])].filter((entry) => entry.job.workspace === workspace.id).length;
        return [
          {
            id: hello.agentId,
            name: hello.agentName,
            host: hello.host,
            version: hello.agentVersion,
            shared: own === undefined,
            tags: hello.tags,
            languages: hello.runtimes.map(({ language, version }) => ({ language, version })),
            sandbox: { level: hello.sandbox?.level ?? 0, reasons: hello.sandbox?.reasons ?? [] },
            slots: state?.slots ?? hello.slots,
            running,
            connected_at: new Date(session.connectedAtMs).toISOString(),
          },
        ];
      });
      return { agents: agents.sort((a, b) => (a.name < b.name ? -1 : 1)) };
    },
  );
}
