import type { JobView } from "../control-plane/jobs/contract.ts";
import type { AppError } from "../kernel/app-error.ts";
import { backoffMs } from "../kernel/backoff.ts";
import { formatBytes } from "../kernel/size.ts";
import type { ApiClient } from "./api-client.ts";
import { formatDuration } from "./durations.ts";
import { ApiError } from "./exit-codes.ts";
import { describeExit, explainFailure } from "./failure.ts";
import { followJob, pause } from "./follow.ts";
import { createLogPrinter, type LogPrinter } from "./log-printer.ts";
import { inkFor, type Progress, roomIn, startProgress } from "./output.ts";
import { plainText } from "./sanitise.ts";

/** Where output and status lines of a job go. */
export interface JobScreen {
  readonly printer: LogPrinter;
  log(event: Parameters<LogPrinter["log"]>[0]): void;
  state(job: JobView): void;
  contact(state: "lost" | "back", error: AppError | undefined): void;
  /** Resolves when there is room for more output. */
  room(): Promise<void>;
  /** A line of ours. */
  line(text: string): void;
  close(): void;
}

/** A screen on a stream; `raw` passes everything that the job prints on to the terminal. */
export function openJobScreen(stream: NodeJS.WriteStream, raw: boolean): JobScreen {
  const printer = createLogPrinter({ write: (text) => void stream.write(text), ink: inkFor(stream), sanitise: stream.isTTY === true && !raw });
  const ink = inkFor(process.stderr);
  const talk = stream === process.stderr ? printer.line : (text: string) => void process.stderr.write(`${text}\n`);
  let waiting: Progress | undefined;
  let reason = "";
  const stopWaiting = (): void => {
    waiting?.clear();
    waiting = undefined;
  };
  return {
    printer,
    log(event) {
      stopWaiting();
      printer.log(event);
    },
    state(job) {
      if (job.status !== "queued") return stopWaiting();
      const next = job.wait_reason === undefined ? "queued" : `queued: ${plainText(job.wait_reason)}`;
      if (waiting !== undefined && next === reason) return;
      if (process.stderr.isTTY !== true && job.wait_reason !== undefined && next !== reason) talk(ink.dim(`… ${next}`));
      reason = next;
      if (waiting === undefined) waiting = startProgress(next);
      else waiting.update(next);
    },
    contact(state, error) {
      stopWaiting();
      if (state === "back") return talk(ink.green("connected again"));
      talk(
        ink.yellow(`lost contact with the server${error === undefined ? "" : ` (${error.message})`}; the job does not need it: trying again until it answers`),
      );
    },
    room: () => roomIn(stream),
    line(text) {
      stopWaiting();
      talk(text);
    },
    close() {
      stopWaiting();
      printer.end();
    },
  };
}

/** While a job waits, its reason is looked up this often: the event stream tells changes of state only. */
const QUEUE_LOOK_MS = 2000;

/** Follows a job to its end on a screen. Errors: those of `followJob`. */
export async function watchJob(client: ApiClient, id: string, screen: JobScreen, signal: AbortSignal, attempt?: number): Promise<JobView> {
  let queued = true;
  const over = new AbortController();
  const look = async (): Promise<void> => {
    for (;;) {
      await pause(QUEUE_LOOK_MS, AbortSignal.any([signal, over.signal]));
      if (!queued) return;
      const job = await client.job(id).catch(() => undefined);
      if (queued && job?.status === "queued") screen.state(job);
    }
  };
  // Ends with `cancelled` when the job is over; its failures do not matter.
  look().catch(() => undefined);
  try {
    return await followJob(
      client,
      id,
      {
        log(event) {
          queued = false;
          screen.log(event);
        },
        state(job) {
          queued = job.status === "queued";
          screen.state(job);
        },
        contact: screen.contact,
        room: screen.room,
      },
      { signal, ...(attempt !== undefined && { attempt }) },
    );
  } finally {
    over.abort();
    screen.close();
  }
}

const RESULT_TRIES = 12;

/** The result of an ended job; waits out a server that has just gone away. Undefined when there is none. */
export async function fetchResult(client: ApiClient, id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await client.result(id);
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return undefined;
      const passing = error instanceof Error && "retryable" in error && error.retryable === true;
      if (!passing || attempt >= RESULT_TRIES) throw error;
      await pause(backoffMs(attempt, 200, 5000, Math.random()), signal);
    }
  }
}

/** The line that says how a job ended. */
export function endLine(job: JobView): string {
  const ink = inkFor(process.stderr);
  const took = job.run_ms === undefined ? "" : ` in ${formatDuration(job.run_ms)}`;
  const extra = [
    job.wait_ms === undefined ? undefined : `waited ${formatDuration(job.wait_ms)}`,
    job.agent === undefined ? undefined : `on ${plainText(job.agent)}`,
    job.attempt > 1 ? `attempt ${job.attempt}` : undefined,
    (job.log_dropped_bytes ?? 0) > 0 ? `${formatBytes(job.log_dropped_bytes ?? 0)} of output dropped` : undefined,
  ].filter((part) => part !== undefined);
  const tail = extra.length === 0 ? "" : ink.dim(` · ${extra.join(" · ")}`);
  if (job.status === "succeeded") return `${ink.green("✓ succeeded")}${took}${tail}`;
  if (job.exit?.reason === "expired") return `${ink.yellow("■ cancelled: it did not begin in time")}${tail}`;
  if (job.status === "cancelled") return `${ink.yellow("■ cancelled")}${took}${tail}`;
  return `${ink.red(`✗ failed: ${describeExit(job)}`)}${took}${tail}`;
}

/** Says how a job ended and, when it failed, why. */
export function reportEnd(screen: JobScreen, job: JobView, result: Uint8Array | undefined, file: string, source?: string): void {
  const ink = inkFor(process.stderr);
  screen.line(endLine(job));
  if (job.status === "succeeded") return;
  const text = result === undefined ? undefined : new TextDecoder().decode(result);
  for (const line of explainFailure(job, text, file, source)) screen.line(line);
  screen.line(ink.dim(`  the output again: millrace logs ${job.id}`));
}
