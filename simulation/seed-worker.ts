import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { parentPort } from "node:worker_threads";
import type { Mutation } from "./mutation.ts";
import type { WorkerAnswer, WorkerReport, WorkerTask } from "./seed-workers.ts";

/**
 * Runs worlds on a thread of its own, where they may replace the timers. Each task has our modules to itself, loaded anew with the changed text
 * of its mutation: what is not ours, and what was read once, is shared, since a thread for each mutation takes several times as long to start.
 */
const ROOT = new URL("../", import.meta.url);
const OTHERS = new URL("node_modules/", ROOT).href;
/** What a task's modules have behind their address. */
const MARK = "?task=";

const readable = new Map<string, string>();
let mutated = new Map<string, string>();
let tasks = 0;

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

/** The text of a module without its types. */
function sourceOf(url: string): string {
  const changed = mutated.get(url);
  if (changed !== undefined) return stripTypeScriptTypes(changed);
  const known = readable.get(url) ?? stripTypeScriptTypes(readFileSync(fileURLToPath(url), "utf8"));
  readable.set(url, known);
  return known;
}

registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context);
    const [, task] = context.parentURL?.split(MARK) ?? [];
    const isOurs = resolved.url.startsWith(ROOT.href) && !resolved.url.startsWith(OTHERS);
    return task === undefined || !isOurs ? resolved : { ...resolved, url: `${resolved.url}${MARK}${task}` };
  },
  load: (url, context, next) => {
    const [file, task] = url.split(MARK);
    return task === undefined || file === undefined ? next(url, context) : { format: "module", source: sourceOf(file), shortCircuit: true };
  },
});

async function work(task: WorkerTask): Promise<WorkerReport> {
  const { mutation } = task;
  tasks += 1;
  mutated = mutation === undefined ? new Map() : mutate(mutation);
  return task.ofFlows === true ? playFlows(task) : playWorlds(task);
}

async function playFlows({ seeds }: WorkerTask): Promise<WorkerReport> {
  const { runFlow }: typeof import("./run-flow.ts") = await import(`./run-flow.ts${MARK}${tasks}`);
  const report: WorkerReport = { seeds: 0, acknowledged: 0, events: 0, failure: undefined };
  for (const seed of seeds) {
    const violation = runFlow(seed);
    report.seeds += 1;
    if (violation === undefined) continue;
    const { invariant, message } = violation;
    report.failure = { seed, invariant, message, story: `${invariant}: ${message}` };
    break;
  }
  return report;
}

async function playWorlds({ seeds, worlds = [], explainFailure }: WorkerTask): Promise<WorkerReport> {
  const { explain, explainDirected, runDirected, runSeed }: typeof import("./run-seed.ts") = await import(`./run-seed.ts${MARK}${tasks}`);
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
  return report;
}

parentPort?.on("message", (task: WorkerTask) => {
  work(task).then(
    (report) => parentPort?.postMessage({ report } satisfies WorkerAnswer),
    (error: unknown) => parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) } satisfies WorkerAnswer),
  );
});
