import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { type JobId, parseJobId } from "../../kernel/ids.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { type AnyReply, takeOver } from "../http/raw-answer.ts";
import { cancelRequest, JOB_LIMITS, jobListQuery, jobPage, jobView, jobWithResult, runBatchRequest, runBatchResponse, runJobRequest } from "./contract.ts";
import type { JobService } from "./job-service.ts";
import { keyText } from "./policy-contract.ts";

const base = "/api/v1/w/:workspace/jobs";
export const inWorkspace = z.object({ workspace: z.string() });
export const ofJob = inWorkspace.extend({ id: z.string() });

const waitQuery = z.strictObject({
  wait: z.coerce
    .number()
    .min(0)
    .max(JOB_LIMITS.waitS)
    .optional()
    .meta({ description: "Seconds to wait for the end. 200 with the result when it came, 202 when it did not." }),
});

export const keyHeader = z.object({
  "idempotency-key": keyText.optional().meta({
    description: "The same key and body give the same job, however often they are sent. With another body it is a 409. Remembered for a day unless set.",
  }),
});

export function addJobRoutes(root: FastifyInstance, jobs: JobService): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ["jobs"];

  app.post(
    base,
    {
      config: { permission: "jobs:run", path: "inside" },
      schema: {
        tags,
        operationId: "runJob",
        summary: "Run a deployed script or inline code",
        params: inWorkspace,
        querystring: waitQuery,
        body: runJobRequest,
        headers: keyHeader,
        response: { 200: jobWithResult, 201: jobView, 202: jobView, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { wait } = request.query;
      const key = request.headers["idempotency-key"];
      if (wait === undefined) {
        const { created, view } = await jobs.run(caller, request.body, key);
        return reply.code(created ? 201 : 200).send(view);
      }
      const gone = new AbortController();
      reply.raw.on("close", () => gone.abort());
      const { ended, view, resultJson } = await jobs.runAndWait(caller, request.body, wait * 1000, gone.signal, key);
      if (!ended) return reply.code(202).send(view);
      // The result is relayed as the script wrote it: parsing it would cost time, and digits of large numbers.
      return sendJsonText(reply, `${JSON.stringify(view).slice(0, -1)},"result":${resultJson}}`);
    },
  );

  app.post(
    `${base}/batch`,
    {
      config: { permission: "jobs:run", path: "inside" },
      schema: {
        tags,
        operationId: "runJobs",
        summary: "Run a deployed script many times",
        description:
          "The ids come in the order of the request. 201 means that all are accepted. After a 503 it is not known which of them were: they may be accepted in part. With an Idempotency-Key the same request may be sent again: it completes the rest, and is a 200 when nothing was missing.",
        params: inWorkspace,
        body: runBatchRequest,
        headers: keyHeader,
        response: { 200: runBatchResponse, 201: runBatchResponse, default: problemView },
      },
    },
    async (request, reply) => {
      const { created, ids } = await jobs.runBatch(callerOf(request), request.body, request.headers["idempotency-key"], request.bodyTurn);
      return reply.code(created ? 201 : 200).send({ ids });
    },
  );

  app.get(
    base,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags,
        operationId: "listJobs",
        summary: "Jobs, newest first",
        params: inWorkspace,
        querystring: jobListQuery,
        response: { 200: jobPage, default: problemView },
      },
    },
    async (request) => jobs.list(callerOf(request), request.query),
  );

  app.get(
    `${base}/:id`,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: { tags, operationId: "getJob", summary: "One job", params: ofJob, response: { 200: jobView, default: problemView } },
    },
    async (request) => jobs.get(callerOf(request), jobIdOf(request)),
  );

  app.get(
    `${base}/:id/result`,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: { tags, operationId: "getJobResult", summary: "The result, as JSON", params: ofJob, response: { 200: z.unknown(), default: problemView } },
    },
    async (request, reply) => sendJsonText(reply, await jobs.result(callerOf(request), jobIdOf(request))),
  );

  app.get(
    `${base}/:id/args`,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags,
        operationId: "getJobArgs",
        summary: "The arguments, as JSON",
        params: ofJob,
        response: { 200: z.record(z.string(), z.unknown()), default: problemView },
      },
    },
    async (request, reply) => sendJsonText(reply, await jobs.args(callerOf(request), jobIdOf(request))),
  );

  app.post(
    `${base}/:id/cancel`,
    {
      config: { permission: "jobs:cancel", path: "inside" },
      schema: {
        tags,
        operationId: "cancelJob",
        summary: "End a job early",
        description: "A waiting job ends at once. A running one gets SIGTERM, and SIGKILL after a grace period. Cancelling a job that has ended is a 409.",
        params: ofJob,
        body: cancelRequest.nullish(),
        response: { 202: jobView, default: problemView },
      },
    },
    async (request, reply) => reply.code(202).send(await jobs.cancel(callerOf(request), jobIdOf(request), request.body?.reason)),
  );
}

/** Sends JSON text as it is, past the types of the route: it is not an object here and must not become one. */
export function sendJsonText(reply: AnyReply, text: string): void {
  const raw = takeOver(reply);
  raw.setHeader("content-type", "application/json; charset=utf-8");
  raw.end(text);
}

/** Errors: not_found, since no job has such an id. */
export function jobIdOf(request: FastifyRequest<{ Params: { id: string } }>): JobId {
  const id = parseJobId(request.params.id);
  if (id === undefined) throw new AppError("not_found", `there is no job ${request.params.id.slice(0, 64)}`);
  return id;
}
