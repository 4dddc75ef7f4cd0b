import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import type { JobEnds } from "../jobs/job-ends.ts";
import { inWorkspace, jobIdOf, ofJob, sendJsonText } from "../jobs/routes.ts";
import { checkpointPage, checkpointQuery, checkpointsRequest, endsQuery, endsRequest, endsResponse, tasksRequest, tasksResponse } from "./contract.ts";
import type { Workflows } from "./workflows.ts";

const base = "/api/v1/w/:workspace/jobs";
const tags = ["workflows"];

/** For scripts that are workflows: what they have done, the jobs that they start, and how these end. */
export function addWorkflowRoutes(root: FastifyInstance, workflows: Workflows, ends: JobEnds): void {
  addCheckpoints(root, workflows);
  const app = root.withTypeProvider<ZodTypeProvider>();

  app.post(
    `${base}/:id/tasks`,
    {
      config: { permission: "jobs:run", path: "inside" },
      schema: {
        tags,
        operationId: "startTasks",
        summary: "Start the child jobs of a workflow",
        description: "For a running job, of itself. A name that an earlier attempt has used stands for the job that it has started: none is started twice.",
        params: ofJob,
        body: tasksRequest,
        response: { 200: tasksResponse, default: problemView },
      },
    },
    async (request) => ({ jobs: [...(await workflows.start(callerOf(request), jobIdOf(request), request.body))] }),
  );

  app.post(
    `${base}/ends`,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags: ["jobs"],
        operationId: "awaitJobs",
        summary: "Wait for whichever of some jobs end first",
        description:
          "Answers at once with those that have ended, otherwise when the first of them ends, or with none after `wait` seconds. Ask again for the rest.",
        params: inWorkspace,
        querystring: endsQuery,
        body: endsRequest,
        response: { 200: endsResponse, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const gone = new AbortController();
      reply.raw.on("close", () => gone.abort());
      const ended = await ends.wait(caller, request.body.ids, (request.query.wait ?? 0) * 1000, gone.signal);
      return sendJsonText(reply, `{"ended":[${ended.join(",")}]}`);
    },
  );
}

function addCheckpoints(root: FastifyInstance, workflows: Workflows): void {
  const app = root.withTypeProvider<ZodTypeProvider>();

  app.get(
    `${base}/:id/checkpoints`,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags,
        operationId: "listCheckpoints",
        summary: "What a workflow has done so far",
        description: "Steps with what they gave, tasks with their jobs, sleeps with what is left of them; in the order in which they were written, by page.",
        params: ofJob,
        querystring: checkpointQuery,
        response: { 200: checkpointPage, default: problemView },
      },
    },
    async (request, reply) => sendJsonText(reply, await workflows.page(callerOf(request), jobIdOf(request), request.query.after ?? 0)),
  );

  app.post(
    `${base}/:id/checkpoints`,
    {
      config: { permission: "jobs:report", path: "inside" },
      schema: {
        tags,
        operationId: "addCheckpoints",
        summary: "Remember what a workflow has done",
        description:
          "For a running job, of itself. All of them are remembered or none. What is there already with the same value is fine; with another one it is a 409.",
        params: ofJob,
        body: checkpointsRequest,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      await workflows.remember(callerOf(request), jobIdOf(request), request.body);
      return reply.code(204).send(null);
    },
  );
}
