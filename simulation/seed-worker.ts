import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { Mutation } from "./mutations.ts";
import type { WorkerReport, WorkerTask } from "./seed-workers.ts";

/** Runs seeds on a thread of its own, where it may replace the timers; with a mutation it loads the changed text of that one file. */
const ROOT = new URL("../", import.meta.url);
const { seeds, mutation, explainFailure } = workerData as WorkerTask;

function mutate({ file, text, replacement }: Mutation): void {
  const url = new URL(file, ROOT).href;
  const source = readFileSync(fileURLToPath(url), "utf8");
  const parts = source.split(text);
  if (parts.length !== 2) throw new Error(`${file} contains the text ${parts.length - 1} times`);
  registerHooks({ load: (of, context, next) => (of === url ? { ...next(of, context), source: parts.join(replacement) } : next(of, context)) });
}

if (mutation !== undefined) mutate(mutation);
const { explain, runSeed } = await import("./run-seed.ts");
const report: WorkerReport = { seeds: 0, acknowledged: 0, events: 0, failure: undefined };
for (const seed of seeds) {
  const result = await runSeed(seed);
  report.seeds += 1;
  report.acknowledged += result.acknowledged;
  report.events += result.events;
  if (result.violation === undefined) continue;
  report.failure = { seed, ...result.violation, story: explainFailure ? await explain(seed, result.violation.invariant) : "" };
  break;
}
parentPort?.postMessage(report);
