import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { Mutation } from "./mutation.ts";
import type { WorkerReport, WorkerTask } from "./seed-workers.ts";

/** Runs seeds on a thread of its own, where it may replace the timers; with a mutation it loads the changed text of that one file. */
const ROOT = new URL("../", import.meta.url);
const { seeds, worlds = [], mutation, explainFailure } = workerData as WorkerTask;

// Of this thread. Tests that run beside it measure times.
setPriority(3);

/** @returns texts by address of the module */
function mutate({ edits }: Mutation): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, text, replacement } of edits) {
    const url = new URL(file, ROOT).href;
    const parts = (texts.get(url) ?? readFileSync(fileURLToPath(url), "utf8")).split(text);
    if (parts.length !== 2) throw new Error(`${file} contains the text ${parts.length - 1} times`);
    texts.set(url, parts.join(replacement));
  }
  return texts;
}

if (mutation !== undefined) {
  const texts = mutate(mutation);
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context);
      const source = texts.get(url);
      return source === undefined ? loaded : { ...loaded, source };
    },
  });
}
const { explain, explainDirected, runDirected, runSeed } = await import("./run-seed.ts");
const report: WorkerReport = { seeds: 0, acknowledged: 0, events: 0, failure: undefined };
for (const seed of [...worlds, ...seeds]) {
  const result = typeof seed === "number" ? await runSeed(seed) : await runDirected(seed);
  report.seeds += 1;
  report.acknowledged += result.acknowledged;
  report.events += result.events;
  if (result.violation === undefined) continue;
  const tell = (invariant: string): Promise<string> => (typeof seed === "number" ? explain(seed, invariant) : explainDirected(seed));
  report.failure = { seed, ...result.violation, story: explainFailure ? await tell(result.violation.invariant) : "" };
  break;
}
parentPort?.postMessage(report);
