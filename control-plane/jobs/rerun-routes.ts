import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { jobView } from "./contract.ts";
import type { JobService } from "./job-service.ts";
import { rerun, rerunRequest } from "./rerun.ts";
import { jobIdOf, keyHeader, ofJob } from "./routes.ts";

export function addRerunRoutes(root: FastifyInstance, pool: Pool, jobs: JobService): void {
  root.withTypeProvider<ZodTypeProvider>().post(
    "/api/v1/w/:workspace/jobs/:id/rerun",
    {
      config: { permission: "jobs:run", path: "inside" },
      schema: {
        tags: ["jobs"],
        operationId: "rerunJob",
        summary: "Run again what a job ran, with the same arguments or others",
        description: "A new job of the same version, tag, priority, time limits and retries. Steps of flows are a 409: their run can be run again.",
        params: ofJob,
        body: rerunRequest.nullish(),
        headers: keyHeader,
        response: { 200: jobView, 201: jobView, default: problemView },
      },
    },
    async (request, reply) => {
      const { created, view } = await rerun(pool, jobs, callerOf(request), jobIdOf(request), request.body ?? {}, request.headers["idempotency-key"]);
      return reply.code(created ? 201 : 200).send(view);
    },
  );
}
