import type { JobView } from "../../control-plane/jobs/contract.ts";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { ApiClient } from "../api-client.ts";
import { connect } from "../connect.ts";
import { parseDurationMs } from "../durations.ts";
import { indentJson } from "../exact-json.ts";
import { EXIT, type ExitCode, exitCodeOfJob } from "../exit-codes.ts";
import { showSteps } from "../flow-progress.ts";
import { onInterrupts } from "../interrupts.ts";
import { readJobArgs } from "../job-args.ts";
import { inkFor } from "../output.ts";
import { fetchResult, type JobScreen, openJobScreen, reportEnd, watchJob } from "../run-job.ts";
import { createSanitiser } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";
import { type RunTarget, readTarget } from "../target.ts";

export interface RunOptions extends ConnectionFlags {
  readonly args?: string;
  readonly arg: readonly string[];
  readonly tag?: string;
  readonly timeout?: string;
  readonly priority?: string;
  readonly softTimeout?: string;
  readonly delay?: string;
  readonly at?: string;
  readonly retries?: number;
  readonly ttl?: string;
  readonly idempotencyKey?: string;
  readonly json?: boolean;
  readonly raw?: boolean;
  /** false with --no-wait. */
  readonly wait: boolean;
}

/** Seconds in which a second Ctrl-C cancels; without one we leave and the job goes on. */
const SECOND_CHANCE_MS = 5000;
const CANCEL_PATIENCE_MS = 5000;

/** `millrace run`: starts a job, shows its output as it comes, prints its result, and ends as it ended. */
export async function runCommand(text: string, options: RunOptions): Promise<ExitCode> {
  const target = readTarget(text);
  const body = requestBody(target, options);
  const client = connect(options);
  const screen = openJobScreen(process.stderr, options.raw === true);
  const job = await client.runJob(body, options.idempotencyKey);
  if (!options.wait) {
    process.stdout.write(`${options.json === true ? JSON.stringify(job) : job.id}\n`);
    return EXIT.ok;
  }
  return seeThrough(client, job, screen, { name: nameOf(target), isFlow: target.kind === "flow", source: sourceOf(target) }, options.json === true);
}

const sourceOf = (target: RunTarget): string | undefined => (target.kind === "file" ? target.content : undefined);

/** What a job runs, for those who look at it. */
export interface Watched {
  readonly name: string;
  readonly isFlow: boolean;
  readonly source?: string | undefined;
}

/** Shows a job until its end, prints its result, and ends as it ended. */
export async function seeThrough(client: ApiClient, job: JobView, screen: JobScreen, { name, isFlow, source }: Watched, json: boolean): Promise<ExitCode> {
  const ink = inkFor(process.stderr);
  screen.line(`${ink.cyan("▸")} job ${ink.bold(job.id)} ${ink.dim(name)}`);
  const over = new AbortController();
  const steps = isFlow ? showSteps(client, job.id, screen, over.signal) : Promise.resolve();
  const outcome = await watchUnlessInterrupted(client, job, screen).finally(() => over.abort());
  await steps;
  if (outcome.kind === "interrupted") return EXIT.interrupted;
  const { ended } = outcome;
  const result = await fetchResult(client, ended.id, new AbortController().signal);
  reportEnd(screen, ended, result, name, source);
  if (result !== undefined) printResult(result, ended, json);
  return exitCodeOfJob(ended);
}

const nameOf = (target: RunTarget): string => (target.kind === "script" ? target.path : target.name);

/** The JSON text of the request. Errors: invalid_argument. */
export function requestBody(target: RunTarget, options: Omit<RunOptions, "json" | "raw" | "wait">): string {
  const args = readJobArgs(options.args, options.arg);
  const priority = options.priority === undefined ? undefined : Number(options.priority);
  if (priority !== undefined && (!Number.isInteger(priority) || priority < 0 || priority > 9))
    throw new AppError("invalid_argument", "--priority is a number from 0 to 9");
  return JSON.stringify({
    ...whatOf(target),
    args,
    ...(options.tag !== undefined && { tag: options.tag }),
    ...(options.timeout !== undefined && { timeout_ms: parseDurationMs(options.timeout) }),
    ...(priority !== undefined && { priority }),
    ...timeSettings(options),
  });
}

function whatOf(target: RunTarget): Record<string, unknown> {
  if (target.kind === "file") return { code: { language: target.language, content: target.content } };
  return target.kind === "flow" ? target.source : { script: target.path };
}

function timeSettings({ softTimeout, delay, at, retries, ttl }: Omit<RunOptions, "json" | "raw" | "wait">): Record<string, unknown> {
  return {
    ...(softTimeout !== undefined && { soft_timeout_ms: parseDurationMs(softTimeout) }),
    ...(delay !== undefined && { delay_s: parseDurationMs(delay) / 1000 }),
    ...(at !== undefined && { scheduled_for: momentOf(at) }),
    ...(retries !== undefined && { retry: { max_attempts: retries + 1 } }),
    ...(ttl !== undefined && { queue_ttl_s: Math.ceil(parseDurationMs(ttl) / 1000) }),
  };
}

/** A moment without a zone is one of this machine's. */
function momentOf(text: string): string {
  const ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new AppError("invalid_argument", `${JSON.stringify(text)} is not a moment`, { hint: "write 2026-12-24T18:00 or 2026-12-24T18:00:00Z" });
  return new Date(ms).toISOString();
}

type Outcome = { readonly kind: "ended"; readonly ended: JobView } | { readonly kind: "interrupted" };

/** Follows the job. Ctrl-C says how to find it again and leaves it running; a second one cancels it. */
async function watchUnlessInterrupted(client: ApiClient, job: JobView, screen: JobScreen): Promise<Outcome> {
  const ink = inkFor(process.stderr);
  const leave = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let cancelling: Promise<void> | undefined;
  const off = onInterrupts(
    () => {
      screen.line(`${ink.yellow("Ctrl-C:")} the job goes on without this terminal. Press Ctrl-C again within ${SECOND_CHANCE_MS / 1000} s to cancel it.`);
      screen.line(`  follow: millrace logs ${job.id} -f`);
      screen.line(`  cancel: millrace cancel ${job.id}`);
      timer = setTimeout(() => leave.abort(), SECOND_CHANCE_MS);
    },
    () => {
      clearTimeout(timer);
      cancelling ??= cancel(client, job.id, screen).finally(() => leave.abort());
    },
  );
  try {
    const ended = await watchJob(client, job.id, screen, leave.signal);
    // It may end because of the cancelling, before the answer to that is here.
    await cancelling;
    return cancelling === undefined ? { kind: "ended", ended } : { kind: "interrupted" };
  } catch (error) {
    if (!leave.signal.aborted) throw error;
    await cancelling;
    if (cancelling === undefined) screen.line(`left: job ${job.id} goes on`);
    return { kind: "interrupted" };
  } finally {
    clearTimeout(timer);
    off();
  }
}

async function cancel(client: ApiClient, id: string, screen: JobScreen): Promise<void> {
  const tooLong = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("the server does not answer")), CANCEL_PATIENCE_MS).unref());
  try {
    await Promise.race([client.cancel(id, "cancelled with Ctrl-C"), tooLong]);
    screen.line(`cancelled job ${id}`);
  } catch (error) {
    screen.line(`the job could not be cancelled: ${messageOf(error)}`);
  }
}

/** Data alone goes to stdout. `--json`: the server's bytes, nothing added. Otherwise a successful result, laid out for a person on a terminal. */
function printResult(result: Uint8Array, job: JobView, json: boolean): void {
  if (json) {
    process.stdout.write(result);
    return;
  }
  if (job.status !== "succeeded") return;
  if (process.stdout.isTTY === true) {
    process.stdout.write(`${createSanitiser(false).push(indentJson(new TextDecoder().decode(result)))}\n`);
    return;
  }
  process.stdout.write(result);
  process.stdout.write("\n");
}
