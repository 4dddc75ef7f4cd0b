import { AppError } from "../../kernel/app-error.ts";
import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readJobArgs } from "../job-args.ts";
import { resolveJobId } from "../job-ids.ts";
import { openJobScreen } from "../run-job.ts";
import type { ConnectionFlags } from "../settings.ts";
import { readTarget } from "../target.ts";
import { seeThrough } from "./run.ts";

export interface TestStepOptions extends ConnectionFlags {
  readonly step: string;
  readonly job?: string;
  readonly args?: string;
  readonly arg: readonly string[];
  readonly results?: string;
  readonly json?: boolean;
  /** false with --no-wait. */
  readonly wait: boolean;
}

/** `millrace test-step`: runs one step of a flow and shows it. */
export async function testStepCommand(target: string | undefined, options: TestStepOptions): Promise<ExitCode> {
  const { step, json = false } = options;
  if (target === undefined && options.job === undefined)
    throw new AppError("invalid_argument", "say of which flow: a file, a path, or --job with the id of a run");
  const flow = target === undefined ? {} : flowOf(target);
  const ownInputs = options.args !== undefined || options.arg.length > 0;
  const results = options.results === undefined ? {} : { results: readJobArgs(options.results, []) };
  const client = connect(options);
  const from = options.job === undefined ? {} : { job: await resolveJobId(client, options.job) };
  const job = await client.testStep(JSON.stringify({ ...flow, ...from, step, ...(ownInputs && { args: readJobArgs(options.args, options.arg) }), ...results }));
  if (!options.wait) {
    process.stdout.write(`${json ? JSON.stringify(job) : job.id}\n`);
    return EXIT.ok;
  }
  return seeThrough(client, job, openJobScreen(process.stderr, false), { name: `step ${step}`, isFlow: true }, json);
}

/** Errors: invalid_argument for a script; those of readTarget. */
function flowOf(target: string): Record<string, unknown> {
  const read = readTarget(target);
  if (read.kind === "flow") return read.source;
  if (read.kind === "script") return { flow: read.path };
  throw new AppError("invalid_argument", `"${target}" is a script: millrace run ${target} runs it`);
}
