import { join } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import { formatBytes } from "../../kernel/size.ts";
import type { ApiClient } from "../api-client.ts";
import { deployFiles } from "../deploy.ts";
import { deployLine } from "../deploy-lines.ts";
import { planDeploy } from "../deploy-plan.ts";
import { formatDuration } from "../durations.ts";
import { EXIT, type ExitCode, exitCodeOfJob } from "../exit-codes.ts";
import { describeExit } from "../failure.ts";
import { shortId } from "../job-ids.ts";
import { sayAddresses } from "../local/addresses.ts";
import { type ExampleOutcome, readExampleRuns, runExamples } from "../local/examples.ts";
import { type LocalStack, startLocalStack } from "../local/stack.ts";
import { listenForStop, type StopWish, stayUntil } from "../local/stay-up.ts";
import { formatTable, inkFor, say, startProgress } from "../output.ts";
import { PROJECT_ROOT } from "../settings.ts";
import { paintStatus } from "./jobs.ts";

export interface StartOptions {
  readonly once?: boolean;
}

const EXAMPLES = join(PROJECT_ROOT, "examples");
const PREFIX = "f/examples";

/** `millrace start`: everything on this machine, the examples deployed and run; stays up unless `--once`. */
export async function startCommand(options: StartOptions): Promise<ExitCode> {
  const begunMs = performance.now();
  const wish = listenForStop();
  const stack = await startLocalStack(wish.signal);
  wish.onSecond(stack.kill);
  try {
    const code = await showExamples(stack, wish);
    say(inkFor(process.stderr).dim(`\nexamples ready after ${formatDuration(performance.now() - begunMs)}`));
    if (options.once === true) {
      const progress = startProgress("stopping");
      await stack.stop("examples are through");
      progress.done(code === EXIT.ok ? "all examples ran; everything stopped" : "an example failed; everything stopped");
      return code;
    }
    sayAddresses(stack.controlPlane);
    return await stayUntil(wish, async () => {
      await stack.stop("interrupted");
      say("stopped");
    });
  } catch (error) {
    if (!wish.signal.aborted) throw error;
    // Interrupted midway: what failed did so because of that.
    await stack.stop("interrupted");
    return options.once === true ? EXIT.interrupted : EXIT.ok;
  } finally {
    await stack.stop("leaving");
  }
}

async function showExamples(stack: LocalStack, wish: StopWish): Promise<ExitCode> {
  if (wish.signal.aborted) throw new AppError("cancelled", "interrupted");
  await deployExamples(stack.client);
  await stack.agentReady();
  const outcomes = await runExamples(stack.client, EXAMPLES, PREFIX, wish.signal);
  say("");
  say(summaryTable(outcomes));
  const failed = outcomes.find((outcome) => outcome.job.status !== "succeeded");
  if (failed !== undefined) {
    say(`${inkFor(process.stderr).red("error:")} the example ${failed.script} did not succeed: ${describeExit(failed.job)}`);
    return exitCodeOfJob(failed.job);
  }
  const planned = readExampleRuns(EXAMPLES).length;
  if (outcomes.length < planned) throw new AppError("cancelled", `${planned - outcomes.length} of ${planned} examples did not run`);
  return EXIT.ok;
}

async function deployExamples(client: ApiClient): Promise<void> {
  const progress = startProgress("deploying examples");
  const files = await deployFiles(client, planDeploy(EXAMPLES, PREFIX), () => undefined);
  const scripts = files.filter((file) => file.status === "created" || file.status === "unchanged");
  const failed = files.filter((file) => file.status === "failed");
  if (failed.length > 0) {
    progress.fail("examples cannot be deployed");
    for (const file of failed) say(deployLine(file, inkFor(process.stderr)));
    throw new AppError("failed_precondition", `${failed.length} of the examples were refused`);
  }
  const created = scripts.filter((file) => file.status === "created").length;
  progress.done(`${scripts.length} scripts and flows deployed below ${PREFIX} (${created} new)`);
}

function summaryTable(outcomes: readonly ExampleOutcome[]): string {
  const ink = inkFor(process.stderr);
  const rows = outcomes.map(({ script, job, resultBytes }) => [
    script,
    job.language,
    job.status,
    job.wait_ms === undefined ? "" : formatDuration(job.wait_ms),
    job.run_ms === undefined ? "" : formatDuration(job.run_ms),
    formatBytes(job.log_bytes ?? 0),
    formatBytes(resultBytes),
    job.agent ?? "",
    shortId(job.id),
  ]);
  return formatTable(["EXAMPLE", "LANGUAGE", "STATUS", "WAITED", "RAN", "OUTPUT", "RESULT", "AGENT", "JOB"], rows, (cell, column, row) => {
    if (row === -1) return ink.dim(cell);
    return column === 2 ? paintStatus(ink, outcomes[row]?.job.status)(cell) : cell;
  }).trimEnd();
}
