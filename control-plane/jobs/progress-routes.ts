import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { progressRequest } from "./contract.ts";
import { writeProgress } from "./progress-store.ts";
import { jobIdOf, ofJob } from "./routes.ts";

/** How far a running job is, said by the job itself. @param onProgress told after each: readers of the job see it at once */
export function addProgressRoutes(root: FastifyInstance, pool: Pool, onProgress: (id: JobId) => void): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    "/api/v1/w/:workspace/jobs/:id/progress",
    {
      config: { permission: "jobs:report", path: "inside" },
      schema: {
        tags: ["jobs"],
        operationId: "setJobProgress",
        summary: "Say how far the job is",
        description: "For a running job, of itself. Shown as `progress`; a reader that follows the log gets a `state` event.",
        params: ofJob,
        body: progressRequest,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      await reportProgress(pool, onProgress, callerOf(request), jobIdOf(request), request.body.percent);
      return reply.code(204).send(null);
    },
  );
}

/** Errors: permission_denied for anybody but the job; failed_precondition when the attempt does not run any more. */
export async function reportProgress(pool: Pool, onProgress: (id: JobId) => void, { principal, workspace }: Caller, id: JobId, percent: number): Promise<void> {
  if (principal.job?.id !== id) throw new AppError("permission_denied", "only the job itself says how far it is, with its own token");
  if (!(await writeProgress(pool, workspace.id, id, principal.job.attempt, percent)))
    throw new AppError("failed_precondition", "this attempt does not run any more");
  onProgress(id);
}
