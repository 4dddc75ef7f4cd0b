import type { FastifyInstance } from "fastify";
import { realClock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import type { FlowDeployer } from "./deploy.ts";
import type { Expressions } from "./expressions/expressions.ts";
import { ExpressionTiers } from "./expressions/tiers.ts";
import { createFlowCache, type FlowCache } from "./flow-cache.ts";
import type { WantedFlow } from "./flow-jobs.ts";
import { createFlowReader } from "./flow-reader.ts";
import { addFlowRoutes } from "./routes.ts";
import { type FlowRequest, wantedFlow } from "./wanted-flow.ts";

/** What a control plane knows of flows. */
export interface Flows extends Service {
  readonly cache: FlowCache;
  readonly deployer: FlowDeployer;
  readonly expressions: Expressions;
  /** See wantedFlow. */
  wanted(workspace: Workspace, request: FlowRequest, mayRefer?: (path: string) => boolean): Promise<WantedFlow>;
}

/** Adds the routes of flows to a server. */
export function openFlows(app: FastifyInstance, pool: Pool): Flows {
  const cache = createFlowCache(pool, () => realClock.monotonicMs());
  const expressions = new ExpressionTiers();
  const deployer = { pool, cache, readFlow: createFlowReader({ expressions }) };
  addFlowRoutes(app, deployer);
  return {
    cache,
    deployer,
    expressions,
    wanted: (workspace, request, mayRefer) => wantedFlow(deployer, workspace, request, mayRefer),
    start: async () => undefined,
    stop: () => expressions.stop(),
  };
}
