import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import type { WorkspaceLimits } from "../scheduler/core/workspace-limits-core.ts";
import { conditions } from "../variables/contract.ts";
import { checkCondition, etagOf } from "../variables/revision.ts";
import { type WorkspaceLimitsView, workspaceLimits } from "./contract.ts";
import { lockGrants, readWorkspaceLimits, writeWorkspaceLimits } from "./workspace-limit-store.ts";

const path = "/api/v1/w/:workspace/limits";
const params = z.object({ workspace: z.string() });

/** What a workspace is granted. A workspace may look; only the operator's tokens change it. */
export function addWorkspaceRoutes(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ["workspaces"];

  app.get(
    path,
    {
      config: { permission: "limits:read" },
      schema: {
        tags,
        operationId: "getWorkspaceLimits",
        summary: "Weight and cap of the workspace",
        params,
        response: { 200: workspaceLimits, default: problemView },
      },
    },
    async (request, reply) => {
      const limits = await readWorkspaceLimits(pool, callerOf(request).workspace.id);
      return reply.header("etag", etagOf(limits.revision)).send(present(limits));
    },
  );

  app.put(
    path,
    {
      config: { permission: "limits:write" },
      schema: {
        tags,
        operationId: "setWorkspaceLimits",
        summary: "Set weight and cap of the workspace",
        description:
          "Takes effect within two seconds, without a restart. Jobs that run beyond a lowered cap go on. Needs an administrator's token. With If-Match they must still have that ETag; otherwise a 412.",
        params,
        headers: conditions.pick({ "if-match": true }),
        body: workspaceLimits,
        response: { 200: workspaceLimits, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const limits = { weight: request.body.weight, maxRunning: request.body.max_running ?? undefined };
      const revision = await inTransaction(pool, async (client) => {
        await lockGrants(client, workspace.id);
        const before = await readWorkspaceLimits(client, workspace.id);
        checkCondition({ "if-match": request.headers["if-match"] }, "the limits", before.revision);
        const written = await writeWorkspaceLimits(client, workspace.id, limits, principal.label);
        const detail = { ...present(limits), weight_before: before.weight, max_running_before: before.maxRunning ?? null };
        await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: "limits:write", target: "limits", detail });
        return written;
      });
      return reply.header("etag", etagOf(revision)).send(present(limits));
    },
  );
}

function present({ weight, maxRunning }: WorkspaceLimits): WorkspaceLimitsView {
  return { weight, max_running: maxRunning ?? null };
}
