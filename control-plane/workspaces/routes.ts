import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import type { WorkspaceLimits } from "../scheduler/core/workspace-limits-core.ts";
import { type WorkspaceLimitsView, workspaceLimits } from "./contract.ts";
import { readWorkspaceLimits, writeWorkspaceLimits } from "./workspace-limit-store.ts";

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
    async (request) => present(await readWorkspaceLimits(pool, callerOf(request).workspace.id)),
  );

  app.put(
    path,
    {
      config: { permission: "limits:write" },
      schema: {
        tags,
        operationId: "setWorkspaceLimits",
        summary: "Set weight and cap of the workspace",
        description: "Takes effect within two seconds, without a restart. Jobs that run beyond a lowered cap go on. Needs an administrator's token.",
        params,
        body: workspaceLimits,
        response: { 200: workspaceLimits, default: problemView },
      },
    },
    async (request) => {
      const { workspace, principal } = callerOf(request);
      const limits = { weight: request.body.weight, maxRunning: request.body.max_running ?? undefined };
      await writeWorkspaceLimits(pool, workspace.id, limits, principal.label);
      return present(limits);
    },
  );
}

function present({ weight, maxRunning }: WorkspaceLimits): WorkspaceLimitsView {
  return { weight, max_running: maxRunning ?? null };
}
