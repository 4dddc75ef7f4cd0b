import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { AppError } from "../../../kernel/app-error.ts";
import { callerOf } from "../../http/authorize.ts";
import { createOpenRequests } from "../../http/open-requests.ts";
import { problemView } from "../../http/problem-contract.ts";
import { jobIdOf, ofJob } from "../../jobs/routes.ts";
import { flowEventPage, flowEventQuery, flowRunQuery, flowRunView, RUN_LIMITS } from "./contract.ts";
import { type FollowParts, followEvents, followSteps } from "./follow-run.ts";

/** Followed runs of one workspace at a time. */
const MAX_FOLLOWERS = 200;
const FOLLOW_AGAIN_S = 10;

export function addRunRoutes(root: FastifyInstance, parts: FollowParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const hold = createOpenRequests(MAX_FOLLOWERS, `${MAX_FOLLOWERS} runs of this workspace are being followed already`, FOLLOW_AGAIN_S);

  app.get(
    "/api/v1/w/:workspace/jobs/:id/flow",
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags: ["flows"],
        operationId: "getFlowRun",
        summary: "The run of a flow, step by step",
        description:
          "With `follow=true` Server-Sent Events until the run has ended: `flow` with all of it at once and whenever it is another, at most two a second, and one `end` with the job.",
        params: ofJob,
        querystring: flowRunQuery,
        response: { 200: flowRunView, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const id = jobIdOf(request);
      const { follow } = request.query;
      if (caller.reach?.bounds !== undefined) await parts.jobs.record(caller, id);
      const view = await parts.reader.view(caller.workspace.id, id);
      if (follow === true) return hold(caller.workspace.id, () => followSteps(parts, { caller, id, request, reply }));
      return view;
    },
  );

  app.get(
    "/api/v1/w/:workspace/jobs/:id/flow/events",
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags: ["flows"],
        operationId: "getFlowEvents",
        summary: "What happened in the run of a flow",
        description:
          "All events in their order, by page. With `follow=true` Server-Sent Events until the run has ended: `event` (its id is the number; pass it back as Last-Event-ID to go on where you were) and one `end` with the job.",
        params: ofJob,
        querystring: flowEventQuery,
        response: { 200: flowEventPage, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const id = jobIdOf(request);
      const { after = 0, limit = RUN_LIMITS.eventPage, follow } = request.query;
      // Also for a job that is none of the caller's.
      const record = await parts.jobs.record(caller, id);
      if (record.language !== "flow") throw new AppError("not_found", `job ${id} is not the run of a flow`);
      if (follow === true) return hold(caller.workspace.id, () => followEvents(parts, { caller, id, request, reply }));
      const events = await parts.reader.events(caller.workspace.id, id, after, limit);
      const last = events.at(-1);
      return { events, ...(events.length === limit && last !== undefined && { next_after: last.seq }) };
    },
  );
}
