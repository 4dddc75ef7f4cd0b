import type { FastifyReply, FastifyRequest } from "fastify";
import { messageOf } from "../../../kernel/app-error.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { Caller } from "../../http/authorize.ts";
import { type EventStream, openEventStream } from "../../http/sse.ts";
import type { JobEvents } from "../../jobs/job-events.ts";
import type { JobService } from "../../jobs/job-service.ts";
import type { Log } from "../../telemetry/log.ts";
import { RUN_LIMITS } from "./contract.ts";
import type { RunReader } from "./run-reader.ts";

export interface FollowParts {
  readonly reader: RunReader;
  readonly jobs: Pick<JobService, "get" | "record">;
  readonly changes: JobEvents;
  readonly log: Log;
}

/** Somebody who follows a run. */
interface Follower {
  readonly caller: Caller;
  readonly id: JobId;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A notice of a change may be lost on its way from another replica. */
const LOOK_AGAIN_MS = 1000;
/** To say how all steps are their log is replayed: a run in which much happens is not looked at for each of its events. */
const STEPS_AGAIN_MS = 500;

/** Each event once, from the one after `Last-Event-ID` on, then `end`. */
export function followEvents(parts: FollowParts, follower: Follower): Promise<void> {
  const workspace = follower.caller.workspace.id;
  let after = lastEventId(follower.request.headers["last-event-id"]);
  return follow(parts, follower, 0, async (stream) => {
    for (;;) {
      const events = await parts.reader.events(workspace, follower.id, after, RUN_LIMITS.eventPage);
      for (const event of events) await stream.send("event", event, String(event.seq));
      after = events.at(-1)?.seq ?? after;
      if (events.length < RUN_LIMITS.eventPage) return;
    }
  });
}

/** All steps as `flow` whenever one of them is another, then `end`. */
export function followSteps(parts: FollowParts, follower: Follower): Promise<void> {
  let told = "";
  return follow(parts, follower, STEPS_AGAIN_MS, async (stream) => {
    const view = await parts.reader.view(follower.caller.workspace.id, follower.id);
    const text = JSON.stringify(view);
    if (text !== told) await stream.send("flow", view, String(view.events));
    told = text;
  });
}

/** @param look tells what is new @param leastMs between two looks */
async function follow(
  parts: FollowParts,
  { caller, id, request, reply }: Follower,
  leastMs: number,
  look: (stream: EventStream) => Promise<void>,
): Promise<void> {
  const stream = openEventStream(request, reply, { still: () => parts.jobs.record(caller, id) });
  let wake = (): void => undefined;
  const off = parts.changes.on(id, () => wake());
  stream.signal.addEventListener("abort", () => wake());
  try {
    while (!stream.signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      // In this order: an end is only told when all that came before it has been.
      const ended = (await parts.jobs.record(caller, id)).done !== undefined;
      await look(stream);
      if (ended) {
        await stream.send("end", await parts.jobs.get(caller, id));
        break;
      }
      await Promise.all([Promise.race([changed, pause(LOOK_AGAIN_MS)]), pause(leastMs)]);
    }
  } catch (error) {
    // The reader comes back by itself, with the id of the last event that it has.
    parts.log.warn({ event: "flows.follow_failed", error: messageOf(error) }, "a followed run ended early");
  } finally {
    off();
    stream.end();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function lastEventId(header: string | string[] | undefined): number {
  return typeof header === "string" && /^\d{1,9}$/.test(header) ? Number(header) : 0;
}
