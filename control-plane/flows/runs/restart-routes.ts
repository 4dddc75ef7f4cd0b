import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { callerOf } from "../../http/authorize.ts";
import { problemView } from "../../http/problem-contract.ts";
import { jobView } from "../../jobs/contract.ts";
import { inWorkspace, jobIdOf, ofJob } from "../../jobs/routes.ts";
import { restartRequest, stepTestRequest } from "./contract.ts";
import type { Restarts } from "./restarts.ts";
import type { StepTests } from "./step-tests.ts";

const tags = ["flows"];

/**
 * Runs that are made of others, and of single steps. A step by itself, with results of one's own choice, is past all that stands before it: that is
 * for those who may bring code.
 */
export function addRestartRoutes(root: FastifyInstance, restarts: Pick<Restarts, "restart">, tests: Pick<StepTests, "test">): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/w/:workspace/jobs/:id/flow/restart",
    {
      config: { permission: "jobs:run", path: "inside" },
      schema: {
        tags,
        operationId: "restartFlow",
        summary: "Run a flow again, from a step on or from the beginning",
        description:
          "A new run. Steps before `step` are not run again: it has their results of the earlier run, which has to be over. `args` are other inputs; what was done with the old ones stays as it is.",
        params: ofJob,
        body: restartRequest.nullish(),
        response: { 201: jobView, default: problemView },
      },
    },
    async (request, reply) => reply.code(201).send(await restarts.restart(callerOf(request), jobIdOf(request), request.body ?? {})),
  );
  app.post(
    "/api/v1/w/:workspace/flows/test",
    {
      config: { permission: "jobs:inline" },
      schema: {
        tags,
        operationId: "testFlowStep",
        summary: "Run one step of a flow",
        description:
          "A run of this step alone, with inputs and results that are given or those of an earlier run. Its retries, conditions, approvals, sleeps and mock are left out.",
        params: inWorkspace,
        body: stepTestRequest,
        response: { 201: jobView, default: problemView },
      },
    },
    async (request, reply) => reply.code(201).send(await tests.test(callerOf(request), request.body)),
  );
}
