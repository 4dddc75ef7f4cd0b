import type { LogEvent } from "../../control-plane/jobs/contract.ts";
import { AppError } from "../../kernel/app-error.ts";
import type { ApiClient } from "../api-client.ts";
import { connect } from "../connect.ts";
import { EXIT, type ExitCode, exitCodeOfJob } from "../exit-codes.ts";
import { resolveJobId } from "../job-ids.ts";
import { roomIn, wantsColour } from "../output.ts";
import { endLine, openJobScreen, watchJob } from "../run-job.ts";
import { createSanitiser } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface LogsOptions extends ConnectionFlags {
  readonly follow?: boolean;
  readonly attempt?: number;
  readonly json?: boolean;
  readonly raw?: boolean;
}

/**
 * `millrace logs`: what a job printed, on stdout. With `-f` also what it still prints; then the exit code is the job's.
 * `--json` gives one object a line: attempt, stream, at, text.
 */
export async function logsCommand(typed: string, options: LogsOptions): Promise<ExitCode> {
  const client = connect(options);
  const id = await resolveJobId(client, typed);
  if (options.follow === true || options.json === true) return followLogs(client, id, options);
  const sanitiser = process.stdout.isTTY === true && options.raw !== true ? createSanitiser(wantsColour(process.stdout)) : undefined;
  const decoder = new TextDecoder();
  for await (const bytes of await client.logs(id, options.attempt === undefined ? {} : { attempt: options.attempt })) {
    process.stdout.write(sanitiser === undefined ? bytes : sanitiser.push(decoder.decode(bytes, { stream: true })));
    await roomIn(process.stdout);
  }
  return EXIT.ok;
}

async function followLogs(client: ApiClient, id: string, options: LogsOptions): Promise<ExitCode> {
  const before = await client.job(id);
  if (options.follow !== true && before.finished_at === undefined) {
    throw new AppError("invalid_argument", `job ${id} is ${before.status}: its output as JSON has no end yet`, { hint: "add -f to follow it" });
  }
  const terminal = openJobScreen(process.stdout, options.raw === true);
  const screen = options.json === true ? { ...terminal, log: printEvent } : terminal;
  const ended = await watchJob(client, id, screen, new AbortController().signal, options.attempt);
  if (options.follow !== true) return EXIT.ok;
  screen.line(endLine(ended));
  return exitCodeOfJob(ended);
}

function printEvent(event: Pick<LogEvent, "attempt" | "stream" | "text">): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
