import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readJobArgs } from "../job-args.ts";
import { resolveJobId } from "../job-ids.ts";
import { openJobScreen } from "../run-job.ts";
import type { ConnectionFlags } from "../settings.ts";
import { seeThrough } from "./run.ts";

export interface RestartOptions extends ConnectionFlags {
  readonly step?: string;
  readonly args?: string;
  readonly arg: readonly string[];
  readonly newest?: boolean;
  readonly json?: boolean;
  /** false with --no-wait. */
  readonly wait: boolean;
}

/** `millrace restart`: makes a run of an earlier one and shows it. */
export async function restartCommand(typed: string, options: RestartOptions): Promise<ExitCode> {
  const { step, newest, json = false } = options;
  const ownInputs = options.args !== undefined || options.arg.length > 0;
  const body = { step, newest, ...(ownInputs && { args: readJobArgs(options.args, options.arg) }) };
  const client = connect(options);
  const id = await resolveJobId(client, typed);
  const job = await client.restartFlow(id, JSON.stringify(body));
  if (!options.wait) {
    process.stdout.write(`${json ? JSON.stringify(job) : job.id}\n`);
    return EXIT.ok;
  }
  const name = `${job.flow ?? "flow"}${step === undefined ? " again" : ` from ${step}`}`;
  return seeThrough(client, job, openJobScreen(process.stderr, false), { name, isFlow: true }, json);
}
