import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { JobView } from "../../control-plane/jobs/contract.ts";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { ApiClient } from "../api-client.ts";
import { parseExactJson } from "../exact-json.ts";
import { inkFor, say } from "../output.ts";
import { fetchResult, openJobScreen, reportEnd, watchJob } from "../run-job.ts";

/** One run of `run.json`: an argument is a value, the text of a file beside it, or the result of an earlier run. */
const argument = z.union([z.strictObject({ file: z.string() }), z.strictObject({ result_of: z.string() }), z.strictObject({ value: z.unknown() })]);
const runs = z.array(z.strictObject({ script: z.string(), says: z.string(), args: z.record(z.string(), argument).default({}) }));
export type ExampleRun = z.infer<typeof runs>[number];

export interface ExampleOutcome {
  readonly script: string;
  readonly job: JobView;
  readonly resultBytes: number;
}

/** Reads the list of runs. Errors: invalid_argument. */
export function readExampleRuns(folder: string): ExampleRun[] {
  const path = join(folder, "run.json");
  try {
    return runs.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new AppError("invalid_argument", `"${path}" is not right: ${messageOf(error)}`, { cause: error });
  }
}

/** Runs the examples one after the other with live logs. The first that fails ends it: later ones may need its result. */
export async function runExamples(client: ApiClient, folder: string, prefix: string, signal: AbortSignal): Promise<ExampleOutcome[]> {
  const outcomes: ExampleOutcome[] = [];
  const results = new Map<string, unknown>();
  const ink = inkFor(process.stderr);
  for (const { script, says, args } of readExampleRuns(folder)) {
    if (signal.aborted) break;
    say(`\n${ink.cyan("▸")} ${ink.bold(script)} ${ink.dim(says)}`);
    const given = Object.fromEntries(Object.entries(args).map(([name, source]) => [name, argumentFrom(source, folder, results)]));
    const accepted = await client.runJob(JSON.stringify({ script: `${prefix}/${script}`, args: given }));
    const screen = openJobScreen(process.stderr, false);
    const job = await watchJob(client, accepted.id, screen, signal);
    const result = await fetchResult(client, job.id, signal);
    reportEnd(screen, job, result, script);
    outcomes.push({ script, job, resultBytes: result?.length ?? 0 });
    if (job.status !== "succeeded") break;
    results.set(script, parseExactJson(new TextDecoder().decode(result), `the result of ${script}`));
  }
  return outcomes;
}

function argumentFrom(source: z.infer<typeof argument>, folder: string, results: ReadonlyMap<string, unknown>): unknown {
  if ("file" in source) return readFileSync(join(folder, source.file), "utf8");
  if ("value" in source) return source.value;
  if (!results.has(source.result_of)) throw new AppError("invalid_argument", `run.json uses the result of ${source.result_of} before it runs`);
  return results.get(source.result_of);
}
