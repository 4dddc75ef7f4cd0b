import type { JobView, LogEvent } from "../control-plane/jobs/contract.ts";
import { AppError } from "../kernel/app-error.ts";
import { backoffMs } from "../kernel/backoff.ts";
import { type ApiClient, connectionError } from "./api-client.ts";
import { decodeJobEvent, decodeLogEvent } from "./api-codec.ts";
import { createSseParser, type SseEvent } from "./sse.ts";

/** Where the events of a followed job go. */
export interface FollowHandlers {
  log(event: LogEvent): void;
  /** Once at the start and on each change. */
  state(job: JobView): void;
  /** Resolves when there is room for more output: a slow reader slows the stream down instead of filling memory. */
  room(): Promise<void>;
  /** Contact was lost (once per outage) or is back. */
  contact(state: "lost" | "back", error: AppError | undefined): void;
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Only this attempt's output; default all. */
  readonly attempt?: number;
}

const BACKOFF_BASE_MS = 200;
const BACKOFF_CAP_MS = 5000;
/** Three heartbeats of the server: a stream that is silent for longer is dead, whatever the socket says. */
const SILENCE_MS = 45_000;
/** A connection that held this long was a good one: the next loss starts with short waits again. */
const STEADY_MS = 5000;

/** Errors that another try cannot cure. */
const FINAL: ReadonlySet<AppError["code"]> = new Set(["unauthenticated", "permission_denied", "not_found", "invalid_argument", "out_of_range", "cancelled"]);

/**
 * Follows a job to its end and hands each piece of output on exactly once, in order. When the connection breaks it comes
 * back with the id of the last event that it has, for as long as it takes.
 * @returns the job as it ended
 * Errors: cancelled when `signal` aborts; what the server refuses for good (unknown job, wrong token).
 */
export async function followJob(client: ApiClient, id: string, handlers: FollowHandlers, options: FollowOptions): Promise<JobView> {
  let lastId = "";
  let failures = 0;
  let lost = false;
  const onEvent = (event: SseEvent): JobView | undefined => {
    if (event.event === "log") {
      // A server that went back further than asked for must not make us repeat ourselves.
      if (event.id !== "" && lastId !== "" && comparePositions(event.id, lastId) <= 0) return undefined;
      if (event.id !== "") lastId = event.id;
      const log = decodeLogEvent(event.data);
      if (log !== undefined) handlers.log(log);
      failures = 0;
      return undefined;
    }
    const job = event.event === "state" || event.event === "end" ? decodeJobEvent(event.data) : undefined;
    if (job === undefined) return undefined;
    if (event.event === "end") return job;
    handlers.state(job);
    return undefined;
  };
  for (;;) {
    const begunMs = performance.now();
    let error: AppError | undefined;
    try {
      const onOpen = (): void => {
        if (lost) handlers.contact("back", undefined);
        lost = false;
      };
      const ended = await readStream(client, id, lastId, options, { onOpen, onEvent, room: handlers.room });
      if (ended !== undefined) return ended;
    } catch (thrown) {
      error = connectionError(thrown, client.settings.url);
      if (options.signal.aborted) throw new AppError("cancelled", "interrupted", { cause: thrown });
      if (FINAL.has(error.code)) throw error;
    }
    if (performance.now() - begunMs > STEADY_MS) failures = 0;
    if (!lost) handlers.contact("lost", error);
    lost = true;
    await pause(backoffMs(failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS, Math.random()), options.signal);
    failures += 1;
  }
}

interface StreamHandlers {
  onOpen(): void;
  onEvent(event: SseEvent): JobView | undefined;
  room(): Promise<void>;
}

/** Reads one connection. @returns the ended job, or undefined when the stream stopped before that */
async function readStream(client: ApiClient, id: string, lastId: string, options: FollowOptions, handlers: StreamHandlers): Promise<JobView | undefined> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  let ended: JobView | undefined;
  try {
    const body = await client.logs(id, {
      follow: true,
      signal: AbortSignal.any([options.signal, silence.signal]),
      ...(options.attempt !== undefined && { attempt: options.attempt }),
      ...(lastId !== "" && { lastEventId: lastId }),
    });
    handlers.onOpen();
    const parser = createSseParser((event) => {
      ended ??= handlers.onEvent(event);
    });
    for await (const bytes of body) {
      clearTimeout(timer);
      parser.push(bytes);
      if (ended !== undefined) return ended;
      await handlers.room();
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
    }
    return undefined;
  } catch (error) {
    if (silence.signal.aborted && !options.signal.aborted) throw new AppError("unavailable", `nothing was heard for ${SILENCE_MS / 1000} s`, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Orders `attempt.seq.segment` ids. */
function comparePositions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let at = 0; at < 3; at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
  }
  return 0;
}

/** Waits; ends early, with the error `cancelled`, when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw new AppError("cancelled", "interrupted");
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new AppError("cancelled", "interrupted"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
