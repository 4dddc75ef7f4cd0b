import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { newestUuidQuery } from "../http/page-contract.ts";
import { problemView } from "../http/problem-contract.ts";
import { enrolledPage, orderView } from "./contract.ts";
import { type AgentOrder, listEnrolled, orderAgent, type StandingOrders } from "./order-store.ts";

const PAGE = 100;
const base = "/api/v1/w/:workspace/agents";
const params = z.object({ workspace: z.string(), id: z.uuid() });

const ORDERS: readonly { order: AgentOrder; method: "POST" | "DELETE"; suffix: string; operationId: string; summary: string; description: string }[] = [
  {
    order: "pause",
    method: "POST",
    suffix: "/pause",
    operationId: "pauseAgent",
    summary: "Give an agent no new jobs",
    description:
      "What it runs goes on. Holds until it is resumed, also when the agent or the control plane starts again. A shared agent takes an administrator's token.",
  },
  {
    order: "resume",
    method: "POST",
    suffix: "/resume",
    operationId: "resumeAgent",
    summary: "Give a paused agent jobs again",
    description: "Nothing happens to one that is not paused.",
  },
  {
    order: "leave",
    method: "POST",
    suffix: "/drain",
    operationId: "drainAgent",
    summary: "Let an agent finish and end",
    description:
      "It takes no new jobs, ends what it runs within its own grace, hands back the rest and ends its process with 0. One that is started again serves as before.",
  },
  {
    order: "revoke",
    method: "DELETE",
    suffix: "",
    operationId: "revokeAgent",
    summary: "Revoke an agent",
    description:
      "Its stream is ended within a second, at whichever replica it is; it kills its jobs and ends, and is refused from now on. Its jobs start again elsewhere after MILLRACE_RECLAIM_MS. An agent with a long-lived token could come back under another id: revoke that token too.",
  },
];

/** Orders to agents of the workspace; to shared ones with an administrator's token. @param obey tells agents at this replica at once */
export function addConductRoutes(root: FastifyInstance, pool: Pool, obey: (orders: StandingOrders) => void): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/enrolled`,
    {
      config: { permission: "agents:read" },
      schema: {
        tags: ["agents"],
        operationId: "listEnrolledAgents",
        summary: "Agents that joined the workspace with a key, connected or not",
        description: "The newest first.",
        params: z.object({ workspace: z.string() }),
        querystring: newestUuidQuery,
        response: { 200: enrolledPage, default: problemView },
      },
    },
    async (request) => {
      const { cursor, limit = PAGE } = request.query;
      const { page, next } = pageOf(await listEnrolled(pool, callerOf(request).workspace.id, cursor, limit + 1), limit, ({ cursor: last }) => last);
      const agents = page.map((agent) => ({
        id: agent.agentId,
        name: agent.name,
        join_token: agent.joinedBy,
        joined_at: agent.joinedAt.toISOString(),
        last_connected_at: agent.connectedAt.toISOString(),
        credential_until: agent.credentialUntil.toISOString(),
        allowed_tags: [...agent.allowedTags],
        paused: agent.paused,
      }));
      return { agents, ...next };
    },
  );
  for (const { order, method, suffix, ...words } of ORDERS) {
    app.route({
      method,
      url: `${base}/:id${suffix}`,
      config: { permission: "agents:write" },
      schema: { tags: ["agents"], ...words, params, response: { 200: orderView, default: problemView } },
      handler: async (request) => {
        const { workspace, principal } = callerOf(request);
        const by = { workspace: workspace.id, withShared: principal.kind === "admin", label: principal.label };
        const standing = await inTransaction(pool, async (client) => {
          const done = await orderAgent(client, request.params.id, order, by);
          const target = `agent ${request.params.id}`;
          if (done !== undefined) await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: `agents:${order}`, target });
          return done;
        });
        if (standing === undefined) throw new AppError("not_found", "there is no such agent in this workspace", { hint: "`millrace agents --json` lists ids" });
        obey(standing);
        return { id: request.params.id, paused: standing.paused, draining: standing.leave, revoked: standing.revoked };
      },
    });
  }
}
