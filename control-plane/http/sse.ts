import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import { takeOver } from "./raw-answer.ts";

const HEARTBEAT_MS = 15_000;
const STUCK_MS = 60_000;
/** A reader that lets more than this gather is waited for. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export interface EventStream {
  /** Aborts when the reader goes away or the server closes. */
  readonly signal: AbortSignal;
  /** Sends one event; resolves when the reader has room for more. Data is one line of JSON. */
  send(event: string, data: unknown, id?: string): Promise<void>;
  end(): void;
}

/** What somebody is told who is not let in, or sees nothing. Anything else may pass by itself. */
const REFUSALS: ReadonlySet<string> = new Set(["unauthenticated", "permission_denied", "not_found"]);

interface StreamOptions {
  /** Rejects when the caller does not see any more what is streamed. */
  readonly still?: () => Promise<unknown>;
  readonly heartbeatMs?: number;
}

/**
 * Server-Sent Events by hand: bounded, with heartbeats, and resumable by the ids that the caller gives. With every heartbeat the caller is looked at
 * again: a stream lives longer than the attempt, or the trust, that opened it.
 */
export function openEventStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { still = () => Promise.resolve(), heartbeatMs = HEARTBEAT_MS }: StreamOptions = {},
): EventStream {
  const raw = takeOver(reply);
  const abort = new AbortController();
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "x-accel-buffering": "no",
  });
  raw.write("retry: 1000\n\n");
  const heartbeat = setInterval(() => {
    raw.write(": still here\n\n");
    request.caller
      ?.check()
      .then(still)
      .catch((error: unknown) => {
        if (REFUSALS.has(AppError.from(error).code)) raw.destroy();
      });
  }, heartbeatMs);
  raw.on("close", () => {
    clearInterval(heartbeat);
    abort.abort();
  });
  return {
    signal: abort.signal,
    async send(event, data, id) {
      if (abort.signal.aborted) return;
      raw.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      if (raw.writableLength < MAX_BUFFERED_BYTES) return;
      // A reader that takes nothing for this long is gone or stuck: it may come back with the id of its last event.
      const stuck = setTimeout(() => raw.destroy(), STUCK_MS);
      await new Promise<void>((resolve) => {
        raw.once("drain", resolve);
        raw.once("close", resolve);
      });
      clearTimeout(stuck);
    },
    end() {
      clearInterval(heartbeat);
      raw.end();
    },
  };
}
