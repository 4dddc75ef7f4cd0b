import { StringDecoder } from "node:string_decoder";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { JobId } from "../../kernel/ids.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { createOpenRequests } from "../http/open-requests.ts";
import { problemView } from "../http/problem-contract.ts";
import { takeOver } from "../http/raw-answer.ts";
import { type EventStream, openEventStream } from "../http/sse.ts";
import { logQuery } from "../jobs/contract.ts";
import type { JobService } from "../jobs/job-service.ts";
import { jobIdOf, ofJob } from "../jobs/routes.ts";
import type { Log } from "../telemetry/log.ts";
import { type StreamName, segmentsOf } from "./chunk-text.ts";
import type { LiveLogs } from "./live-logs.ts";
import type { ReadLog } from "./log-reader.ts";
import type { StoredChunk } from "./log-store.ts";
import { LOG_START, type LogPosition, type TailSource, tailLog } from "./tail.ts";

const PAGE = 64;
const JUST_ENDED_MS = 60_000;
const STORED_WITHIN_MS = 2000;
const LOOK_AGAIN_MS = 100;
/** Followed logs of one workspace at a time. */
const MAX_FOLLOWERS = 200;
const FOLLOW_AGAIN_S = 10;

export function addLogRoutes(root: FastifyInstance, read: ReadLog, jobs: JobService, live: LiveLogs, log: Log): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const hold = createOpenRequests(MAX_FOLLOWERS, `${MAX_FOLLOWERS} logs of this workspace are being followed already`, FOLLOW_AGAIN_S);
  app.get(
    "/api/v1/w/:workspace/jobs/:id/logs",
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags: ["jobs"],
        operationId: "getJobLogs",
        summary: "What the job printed",
        description:
          "Plain text of the newest attempt (or of the one asked for), or with `stream=result` what it has streamed as its result. With `follow=true` Server-Sent Events until the job has ended: `log` (id `attempt.seq.segment`, pass it back as Last-Event-ID to go on where you were), `state` on each change, and one `end`.",
        params: ofJob,
        querystring: logQuery,
        response: { 200: z.string(), default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const id = jobIdOf(request);
      const record = await jobs.record(caller, id);
      if (request.query.follow === true) await hold(caller.workspace.id, () => follow({ read, jobs, live, log }, caller, id, request, reply));
      else {
        if (record.done !== undefined && Date.now() - record.done.doneAtMs < JUST_ENDED_MS) {
          await untilStored(read, live, caller, id, { attempt: record.attempt, seq: record.done.logChunks - 1 });
        }
        await plain(read, caller, { id, attempt: request.query.attempt ?? Math.max(1, record.attempt), result: request.query.stream === "result" }, reply);
      }
    },
  );
}

/** The last chunks of a job may be committed a moment after its end: whoever has just seen the end must not miss them. Waits two seconds at most. */
async function untilStored(read: ReadLog, live: LiveLogs, caller: Caller, id: JobId, last: LogPosition): Promise<void> {
  const deadlineMs = performance.now() + STORED_WITHIN_MS;
  let wake = (): void => undefined;
  const unsubscribe = live.subscribe(id, { chunk: () => undefined, durable: () => wake(), changed: () => undefined });
  try {
    while (last.seq >= 0 && performance.now() < deadlineMs) {
      const stored = await read(caller.workspace.id, id, { attempt: last.attempt, seq: last.seq - 1 }, 1);
      if (stored.length > 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_AGAIN_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    unsubscribe();
  }
}

/** Which output of one attempt: what it printed, or what it streamed as its result. */
interface Wanted {
  readonly id: JobId;
  readonly attempt: number;
  readonly result: boolean;
}

/** Streams the stored output of one attempt; memory holds one page of chunks. */
async function plain(read: ReadLog, caller: Caller, wanted: Wanted, reply: FastifyReply): Promise<void> {
  const raw = takeOver(reply);
  raw.writeHead(200, { "content-type": "text/plain; charset=utf-8", "content-security-policy": "sandbox" });
  try {
    await writeAttempt(read, caller, wanted, raw);
    raw.end();
  } catch {
    // The headers are sent: only a broken transfer can still say that this is not all.
    raw.destroy();
  }
}

async function writeAttempt(read: ReadLog, caller: Caller, { id, attempt, result }: Wanted, raw: FastifyReply["raw"]): Promise<void> {
  for (let position: LogPosition = { attempt, seq: -1 }; ; ) {
    const page = await read(caller.workspace.id, id, position, PAGE);
    for (const chunk of page) {
      if (chunk.attempt !== attempt) break;
      for (const { stream, bytes } of await segmentsOf(chunk)) if ((stream === "result") === result) raw.write(bytes);
    }
    const last = page.at(-1);
    if (last === undefined || last.attempt !== attempt || page.length < PAGE || raw.destroyed) break;
    position = last;
    if (raw.writableNeedDrain) await new Promise<void>((resolve) => raw.once("drain", resolve).once("close", resolve));
  }
}

interface Followable {
  readonly read: ReadLog;
  readonly jobs: JobService;
  readonly live: LiveLogs;
  readonly log: Log;
}

async function follow(
  parts: Followable,
  caller: Caller,
  id: JobId,
  request: FastifyRequest<{ Querystring: { stream?: "result" | undefined } }>,
  reply: FastifyReply,
): Promise<void> {
  const { read, jobs, live, log } = parts;
  const from = parsePosition(request.headers["last-event-id"]);
  const stream = openEventStream(request, reply, { still: () => jobs.record(caller, id) });
  const source = tailSource(read, jobs, live, caller, stream);
  const decoders = new Map<string, StringDecoder>();
  try {
    for await (const chunk of tailLog(source, caller.workspace.id, id, from.chunk, stream.signal)) {
      const skip = chunk.attempt === from.partial.attempt && chunk.seq === from.partial.seq ? from.partial.segment + 1 : 0;
      await sendChunk(stream, chunk, decoders, { skip, resultOnly: request.query.stream === "result" });
    }
    if (!stream.signal.aborted) await stream.send("end", await jobs.get(caller, id));
  } catch (error) {
    // The reader comes back by itself, with the id of the last event that it has.
    log.warn({ event: "logs.follow_failed", error: error instanceof Error ? error.message : String(error) }, "a followed log ended early");
  } finally {
    stream.end();
  }
}

function tailSource(read: ReadLog, jobs: JobService, live: LiveLogs, caller: Caller, stream: EventStream): TailSource {
  let shown = "";
  return {
    live,
    read,
    async state(_workspace, id) {
      const record = await jobs.record(caller, id);
      const state = `${record.status}/${record.attempt}/${record.progress ?? ""}`;
      if (state !== shown) {
        shown = state;
        await stream.send("state", await jobs.get(caller, id));
      }
      return { ended: record.done !== undefined, attempt: record.attempt, logChunks: record.done?.logChunks ?? 0 };
    },
  };
}

/** Sends a chunk as one event a segment. Characters that are cut by the border of a piece are completed by the next piece of the same stream. */
async function sendChunk(
  stream: EventStream,
  chunk: StoredChunk,
  decoders: Map<string, StringDecoder>,
  wanted: { readonly skip: number; readonly resultOnly: boolean },
): Promise<void> {
  const at = new Date(chunk.atMs).toISOString();
  for (const [segment, { stream: name, bytes }] of (await segmentsOf(chunk)).entries()) {
    const text = decoderOf(decoders, chunk.attempt, name).write(bytes);
    // What the reader already has goes through the decoder all the same: a character may be cut by its end.
    if (text !== "" && segment >= wanted.skip && (!wanted.resultOnly || name === "result"))
      await stream.send("log", { attempt: chunk.attempt, stream: name, at, text }, `${chunk.attempt}.${chunk.seq}.${segment}`);
  }
}

function decoderOf(decoders: Map<string, StringDecoder>, attempt: number, name: StreamName): StringDecoder {
  const key = `${attempt}/${name}`;
  const decoder = decoders.get(key) ?? new StringDecoder("utf8");
  decoders.set(key, decoder);
  return decoder;
}

/** `attempt.seq.segment` of the last event that a reader has: its chunk may have more segments, so it is read again and cut. */
function parsePosition(header: string | string[] | undefined): { chunk: LogPosition; partial: { attempt: number; seq: number; segment: number } } {
  const match = typeof header === "string" ? /^(\d{1,4})\.(\d{1,9})\.(\d{1,6})$/.exec(header) : null;
  if (match === null) return { chunk: LOG_START, partial: { attempt: -1, seq: -1, segment: -1 } };
  const [attempt, seq, segment] = match.slice(1).map(Number) as [number, number, number];
  return { chunk: { attempt, seq: seq - 1 }, partial: { attempt, seq, segment } };
}
