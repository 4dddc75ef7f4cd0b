import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { JOB_LIMITS, type RunJobRequest, scriptPath, tagName } from "../jobs/contract.ts";
import type { JobService } from "../jobs/job-service.ts";
import { reportProgress } from "../jobs/progress-routes.ts";
import { jobIdOf } from "../jobs/routes.ts";
import { anyQuery, HIDDEN, inWorkspace, ofJob, sendJson } from "./common.ts";
import { jobInTheirWords, type ReadJobs } from "./job-words.ts";
import { notHere } from "./refusals.ts";
import { type RunQuery, runQuery, settingsOf } from "./run-words.ts";

const base = "/api/w/:workspace";
const args = z.record(z.string(), z.unknown()).nullish();
/** The clients of Windmill wait for as long as a connection holds; ours is asked again by nobody here. */
const WAIT_MS = JOB_LIMITS.waitS * 1000;

interface JobParts extends ReadJobs {
  readonly pool: Pool;
  readonly jobs: JobService;
  readonly onProgress: (id: JobId) => void;
}

export function addWindmillJobs(root: FastifyInstance, parts: JobParts): void {
  addRuns(root, parts.jobs);
  addFlowRuns(root, parts.jobs);
  addLooks(root, parts);
  addProgress(root, parts);
}

function addRuns(root: FastifyInstance, jobs: JobService): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const runs = { permission: "jobs:run" as const, path: "inside" as const };
  const byPath = { ...HIDDEN, params: inWorkspace.extend({ "*": scriptPath }), querystring: runQuery, body: args };
  const byHash = { ...HIDDEN, params: inWorkspace.extend({ hash: z.string().regex(/^[0-9a-f]{64}$/) }), querystring: runQuery, body: args };
  const start = async (request: FastifyRequest, reply: FastifyReply, body: RunJobRequest): Promise<FastifyReply> => {
    const { view } = await jobs.run(callerOf(request), body);
    return reply.code(201).type("text/plain").send(view.id);
  };
  app.post(`${base}/jobs/run/p/*`, { config: runs, schema: byPath }, async (request, reply) =>
    start(request, reply, { script: request.params["*"], args: request.body ?? {}, ...settingsOf(request.query) }),
  );
  app.post(`${base}/jobs/run/h/:hash`, { config: runs, schema: byHash }, async (request, reply) =>
    start(request, reply, { hash: request.params.hash, args: request.body ?? {}, ...settingsOf(request.query) }),
  );
  app.post(`${base}/jobs/run_wait_result/p/*`, { config: runs, schema: byPath }, async (request, reply) =>
    runAndAnswer(jobs, request, reply, { script: request.params["*"], args: request.body ?? {}, ...settingsOf(request.query) }),
  );
  app.post(`${base}/jobs/run_wait_result/h/:hash`, { config: runs, schema: byHash }, async (request, reply) =>
    runAndAnswer(jobs, request, reply, { hash: request.params.hash, args: request.body ?? {}, ...settingsOf(request.query) }),
  );
}

/** Flows, and code or a flow that is not deployed. */
function addFlowRuns(root: FastifyInstance, jobs: JobService): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "jobs:run", path: "inside" } as const;
  const ofFlow = { ...HIDDEN, params: inWorkspace.extend({ "*": scriptPath }), querystring: runQuery, body: args };
  const start = async (request: FastifyRequest, reply: FastifyReply, body: RunJobRequest): Promise<FastifyReply> => {
    const { view } = await jobs.run(callerOf(request), body);
    return reply.code(201).type("text/plain").send(view.id);
  };
  // A flow has no tag: its steps have.
  const flowRun = (path: string, given: z.infer<typeof args>, { tag: _tag, ...query }: RunQuery): RunJobRequest => ({
    flow: path,
    args: given ?? {},
    ...settingsOf(query),
  });
  app.post(`${base}/jobs/run/f/*`, { config, schema: ofFlow }, async (request, reply) =>
    start(request, reply, flowRun(request.params["*"], request.body, request.query)),
  );
  app.post(`${base}/jobs/run_wait_result/f/*`, { config, schema: ofFlow }, async (request, reply) =>
    runAndAnswer(jobs, request, reply, flowRun(request.params["*"], request.body, request.query)),
  );
  const preview = z.looseObject({ content: z.string(), language: z.string().max(32), args, tag: tagName.nullish() });
  app.post(`${base}/jobs/run/preview`, { config, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery, body: preview } }, async (request, reply) => {
    const { content, language, args: given, tag } = request.body;
    return start(request, reply, { code: { language, content }, args: given ?? {}, ...(tag != null && { tag }) });
  });
  const flowPreview = z.looseObject({ value: z.record(z.string(), z.unknown()), args, restarted_from: z.unknown().optional() });
  app.post(
    `${base}/jobs/run/preview_flow`,
    { config, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery, body: flowPreview } },
    async (request, reply) => {
      const { value, args: given, restarted_from: earlier } = request.body;
      if (earlier != null) throw notHere("restarted_from", "previews begin at the beginning", "`millrace restart` goes on at a step of an earlier run");
      return start(request, reply, { document: { summary: "", value }, args: given ?? {} });
    },
  );
}

/** The result alone. One that failed is a 500 with the error of the script, as in Windmill. */
async function runAndAnswer(jobs: JobService, request: FastifyRequest, reply: FastifyReply, body: RunJobRequest): Promise<void> {
  const gone = new AbortController();
  reply.raw.on("close", () => gone.abort());
  const { ended, view, resultJson } = await jobs.runAndWait(callerOf(request), body, WAIT_MS, gone.signal);
  if (!ended) throw new AppError("deadline_exceeded", `job ${view.id} has not ended within ${JOB_LIMITS.waitS} s; it goes on`);
  reply.raw.statusCode = view.status === "succeeded" ? 200 : 500;
  sendJson(reply, resultJson);
}

function addLooks(root: FastifyInstance, parts: JobParts): void {
  const { jobs } = parts;
  const app = root.withTypeProvider<ZodTypeProvider>();
  const reads = { config: { permission: "jobs:read" as const, path: "inside" as const }, schema: { ...HIDDEN, params: ofJob, querystring: anyQuery } };
  app.get(`${base}/jobs_u/get/:id`, reads, async (request, reply) => sendJson(reply, await jobInTheirWords(parts, callerOf(request), jobIdOf(request))));
  app.get(`${base}/jobs_u/completed/get/:id`, reads, async (request, reply) => {
    const [caller, id] = [callerOf(request), jobIdOf(request)];
    if ((await jobs.record(caller, id)).done === undefined) throw new AppError("not_found", `job ${id} has not ended yet`);
    sendJson(reply, await jobInTheirWords(parts, caller, id));
  });
  app.get(`${base}/jobs_u/completed/get_result/:id`, reads, async (request, reply) => sendJson(reply, await jobs.result(callerOf(request), jobIdOf(request))));
  app.get(`${base}/jobs_u/completed/get_result_maybe/:id`, reads, async (request, reply) => {
    const [caller, id] = [callerOf(request), jobIdOf(request)];
    const { status } = await jobs.record(caller, id);
    const completed = status !== "queued" && status !== "running";
    const head = JSON.stringify({ completed, started: status !== "queued", success: status === "succeeded" });
    sendJson(reply, `${head.slice(0, -1)},"result":${completed ? await jobs.result(caller, id) : "null"}}`);
  });
  app.get(`${base}/jobs_u/get_root_job_id/:id`, reads, async (request, reply) => {
    const { id } = await jobs.record(callerOf(request), jobIdOf(request));
    sendJson(reply, JSON.stringify(id));
  });
  for (const area of ["jobs_u", "jobs"]) {
    app.post(
      `${base}/${area}/queue/cancel/:id`,
      {
        config: { permission: "jobs:cancel", path: "inside" },
        schema: { ...HIDDEN, params: ofJob, querystring: anyQuery, body: z.looseObject({ reason: z.string().max(500).nullish() }).nullish() },
      },
      async (request, reply) => {
        const view = await jobs.cancel(callerOf(request), jobIdOf(request), request.body?.reason ?? undefined);
        return reply.type("text/plain").send(view.id);
      },
    );
  }
}

function addProgress(root: FastifyInstance, { pool, jobs, onProgress }: JobParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    `${base}/job_metrics/set_progress/:id`,
    {
      config: { permission: "jobs:report", path: "inside" },
      schema: { ...HIDDEN, params: ofJob, querystring: anyQuery, body: z.looseObject({ percent: z.number().min(0).max(100) }) },
    },
    async (request, reply) => {
      await reportProgress(pool, onProgress, callerOf(request), jobIdOf(request), Math.floor(request.body.percent));
      return reply.type("application/json").send({});
    },
  );
  app.get(
    `${base}/job_metrics/get_progress/:id`,
    { config: { permission: "jobs:read", path: "inside" }, schema: { ...HIDDEN, params: ofJob, querystring: anyQuery } },
    async (request, reply) => sendJson(reply, JSON.stringify((await jobs.record(callerOf(request), jobIdOf(request))).progress ?? null)),
  );
}
