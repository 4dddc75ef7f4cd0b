import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { assertNever } from "../../kernel/assert-never.ts";
import { type JobId, parseJobId } from "../../kernel/ids.ts";
import { parseJsonBody } from "../http/exact-json.ts";
import { createOpenRequests } from "../http/open-requests.ts";
import { openEventStream } from "../http/sse.ts";
import type { JobEvents } from "../jobs/job-events.ts";
import type { JobService } from "../jobs/job-service.ts";
import type { Log } from "../telemetry/log.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { answerOf } from "./answer-core.ts";
import { triggerCaller } from "./caller.ts";
import { METHODS, TRIGGER_LIMITS } from "./contract.ts";
import type { Admitted, RawRequest, Reached, Receiver } from "./receiver.ts";
import { sendAnswer } from "./send-answer.ts";
import type { TriggerTable } from "./trigger-table.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The trigger that a call has reached, before its body is read. */
    reached: Reached | undefined;
  }
}

export interface ReceiverParts {
  readonly table: TriggerTable;
  readonly receiver: Receiver;
  readonly workspaces: Pick<Workspaces, "byName">;
  readonly jobs: Pick<JobService, "get" | "record" | "result">;
  readonly changes: JobEvents;
  readonly log: Log;
}

const params = z.object({ workspace: z.string(), "*": z.string() });
const DEFAULT_WAIT_S = 30;
const CALL_AGAIN_S = 5;
/** A notice of a change may be lost on its way from another replica. */
const LOOK_AGAIN_MS = 1000;

/**
 * Where strangers call. A server of its own inside the server: bodies stay bytes until somebody has proved who he is. An address that is nothing,
 * of whatever workspace, is a 404 before the body is read.
 */
export function addReceivers(root: FastifyInstance, parts: ReceiverParts): void {
  void root.register(async (scope: FastifyInstance) => {
    const { openCalls } = TRIGGER_LIMITS;
    const hold = createOpenRequests(openCalls, `${openCalls} calls of this workspace are waiting already`, CALL_AGAIN_S);
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser<Buffer>("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.decorateRequest("reached", undefined);
    scope.addHook("onRequest", async (request) => {
      request.reached = await reach(parts, request);
    });
    const common = { config: { permission: "public" as const }, bodyLimit: TRIGGER_LIMITS.bodyBytes, schema: { hide: true, params } };
    const handle = (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => receive(parts, hold, request, reply);
    scope.post("/api/v1/w/:workspace/webhooks/*", common, handle);
    scope.route({ ...common, method: [...METHODS], url: "/api/r/:workspace/*", exposeHeadRoute: false, handler: handle });
    scope.route({ ...common, method: [...METHODS], url: "/api/r/:workspace", exposeHeadRoute: false, schema: { hide: true }, handler: handle });
  });
}

/** Errors: not_found, in the same words for all that is not there. */
async function reach({ table, workspaces }: ReceiverParts, request: FastifyRequest): Promise<Reached> {
  const nothing = new AppError("not_found", `nothing is called at ${request.method} ${pathOf(request)}`);
  const [, kind, name = "", rest = ""] = /^\/api\/(v1\/w|r)\/([^/]+)(?:\/(.*))?$/.exec(pathOf(request)) ?? [];
  const workspace = await workspaces.byName(decoded(name) ?? "");
  if (workspace === undefined) throw nothing;
  if (kind === "r") {
    const path = rest === "" ? [] : rest.split("/").map(decoded);
    const found = path.every((part) => part !== undefined) ? await table.route(workspace.id, request.method, path) : undefined;
    if (found === undefined) throw nothing;
    return { ...found.armed, workspace, params: found.params };
  }
  const armed = await table.webhook(workspace.id, decoded(rest.slice("webhooks/".length)) ?? "");
  if (armed === undefined) throw nothing;
  return { ...armed, workspace, params: {} };
}

const pathOf = (request: FastifyRequest): string => request.url.split("?")[0] ?? "";

/** Undefined for what is no text, or none that could be stored. */
function decoded(part: string): string | undefined {
  try {
    const text = decodeURIComponent(part);
    return text.includes("\u0000") || !text.isWellFormed() ? undefined : text;
  } catch {
    return undefined;
  }
}

async function receive(parts: ReceiverParts, hold: ReturnType<typeof createOpenRequests>, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { reached } = request;
  if (reached === undefined) throw new AppError("internal", "a call came to no trigger");
  const admitted = parts.receiver.admit(reached, rawOf(request));
  if (admitted.kind === "challenge") return reply.send({ challenge: admitted.challenge });
  const { mode } = reached.trigger.settings;
  switch (mode) {
    case "async": {
      const { view } = await parts.receiver.run(reached, admitted);
      return reply.code(202).send({ job: view.id });
    }
    case "wait":
      return hold(reached.workspace.id, () => answer(parts, reached, admitted, reply));
    case "sse":
      return hold(reached.workspace.id, () => follow(parts, reached, admitted, request, reply));
    default:
      return assertNever(mode);
  }
}

function rawOf(request: FastifyRequest): RawRequest {
  const { headers, method, body } = request;
  const query = new URLSearchParams(request.url.split("?").slice(1).join("?"));
  const entries = [...new Set(query.keys())].map((name): [string, string | string[]] => {
    const all = query.getAll(name);
    return [name, all.length === 1 ? (all[0] ?? "") : all];
  });
  return { headers, method, path: pathOf(request), query: Object.fromEntries(entries), body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) };
}

async function answer(parts: ReceiverParts, reached: Reached, admitted: Extract<Admitted, { kind: "run" }>, reply: FastifyReply): Promise<unknown> {
  const { wait_s: waitS = DEFAULT_WAIT_S, response = {} } = reached.trigger.settings;
  const gone = new AbortController();
  reply.raw.on("close", () => gone.abort());
  const { ended, view, resultJson } = await parts.receiver.runAndWait(reached, admitted, waitS * 1000, gone.signal);
  if (!ended) return reply.code(202).send({ job: view.id });
  const failed = view.status === "failed" || view.status === "cancelled";
  const said = failed ? answerOf({ status: 500 }, resultJson, null) : answerOf(response, resultJson, parseJsonBody(resultJson));
  sendAnswer(reply, { ...said, headers: { ...said.headers, "x-millrace-job": view.id } });
  return reply;
}

/** Events: `job` with its id, `state` on each change, and one `end` with the result. */
async function follow(
  parts: ReceiverParts,
  reached: Reached,
  admitted: Extract<Admitted, { kind: "run" }>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { jobs, changes, log } = parts;
  const { view } = await parts.receiver.run(reached, admitted);
  const id = jobIdIn(view.id);
  const caller = triggerCaller(reached.workspace, reached.trigger);
  const stream = openEventStream(request, reply);
  let wake = (): void => undefined;
  const off = changes.on(id, () => wake());
  stream.signal.addEventListener("abort", () => wake());
  let told = "";
  try {
    await stream.send("job", { job: id });
    while (!stream.signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const { status, done } = await jobs.record(caller, id);
      if (done !== undefined) {
        await stream.send("end", { job: id, status, result: parseJsonBody(await jobs.result(caller, id)) });
        break;
      }
      if (status !== told) await stream.send("state", { job: id, status });
      told = status;
      await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref())]);
    }
  } catch (error) {
    log.warn({ event: "triggers.follow_failed", jobId: id, error: messageOf(error) }, "a followed call ended early");
  } finally {
    off();
    stream.end();
  }
  return reply;
}

function jobIdIn(text: string): JobId {
  const id = parseJobId(text);
  if (id === undefined) throw new AppError("internal", `${text} is no id of a job`);
  return id;
}
