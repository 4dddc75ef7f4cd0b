import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { AppError, messageOf } from "../../../kernel/app-error.ts";
import type { JobId } from "../../../kernel/ids.ts";
import { type Caller, callerOf } from "../../http/authorize.ts";
import { createOpenRequests } from "../../http/open-requests.ts";
import { problemView } from "../../http/problem-contract.ts";
import { openEventStream } from "../../http/sse.ts";
import type { JobEvents } from "../../jobs/job-events.ts";
import type { JobService } from "../../jobs/job-service.ts";
import { jobIdOf, ofJob } from "../../jobs/routes.ts";
import type { Log } from "../../telemetry/log.ts";
import { flowEventPage, flowEventQuery, flowRunView, RUN_LIMITS } from "./contract.ts";
import type { RunReader } from "./run-reader.ts";

export interface RunRouteParts {
  readonly reader: RunReader;
  readonly jobs: Pick<JobService, "get" | "record">;
  readonly changes: JobEvents;
  readonly log: Log;
}

/** Followed runs of one workspace at a time. */
const MAX_FOLLOWERS = 200;
const FOLLOW_AGAIN_S = 10;
/** A notice of a change may be lost on its way from another replica. */
const LOOK_AGAIN_MS = 1000;

export function addRunRoutes(root: FastifyInstance, parts: RunRouteParts): void {
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
        params: ofJob,
        response: { 200: flowRunView, default: problemView },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      if (caller.reach?.bounds !== undefined) await parts.jobs.record(caller, jobIdOf(request));
      return parts.reader.view(caller.workspace.id, jobIdOf(request));
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
      if (follow === true) return hold(caller.workspace.id, () => followRun(parts, caller, id, request, reply));
      const events = await parts.reader.events(caller.workspace.id, id, after, limit);
      const last = events.at(-1);
      return { events, ...(events.length === limit && last !== undefined && { next_after: last.seq }) };
    },
  );
}

async function followRun(parts: RunRouteParts, caller: Caller, id: JobId, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const workspace = caller.workspace.id;
  const stream = openEventStream(request, reply, { still: () => parts.jobs.record(caller, id) });
  let wake = (): void => undefined;
  const off = parts.changes.on(id, () => wake());
  stream.signal.addEventListener("abort", () => wake());
  let after = lastEventId(request.headers["last-event-id"]);
  try {
    while (!stream.signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      // In this order: an end is only told when all that came before it has been.
      const ended = (await parts.jobs.record(caller, id)).done !== undefined;
      for (;;) {
        const events = await parts.reader.events(workspace, id, after, RUN_LIMITS.eventPage);
        for (const event of events) await stream.send("event", event, String(event.seq));
        after = events.at(-1)?.seq ?? after;
        if (events.length < RUN_LIMITS.eventPage) break;
      }
      if (ended) {
        await stream.send("end", await parts.jobs.get(caller, id));
        break;
      }
      await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref())]);
    }
  } catch (error) {
    // The reader comes back by itself, with the id of the last event that it has.
    parts.log.warn({ event: "flows.follow_failed", error: messageOf(error) }, "a followed run ended early");
  } finally {
    off();
    stream.end();
  }
}

function lastEventId(header: string | string[] | undefined): number {
  return typeof header === "string" && /^\d{1,9}$/.test(header) ? Number(header) : 0;
}
