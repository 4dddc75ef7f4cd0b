import { Worker } from "node:worker_threads";
import type { DirectedName } from "./directed/directed-worlds.ts";
import type { Mutation } from "./mutation.ts";

export interface WorkerTask {
  readonly seeds: readonly number[];
  /** Directed worlds, which come first. */
  readonly worlds?: readonly DirectedName[];
  readonly mutation?: Mutation | undefined;
  /** The seeds are of flows: see run-flow.ts. */
  readonly ofFlows?: boolean;
  /** Look for the shortest story of a failure. */
  readonly explainFailure: boolean;
}

export interface WorkerReport {
  /** How many were run, directed worlds among them; the first failure ends the task. */
  seeds: number;
  acknowledged: number;
  events: number;
  failure: { readonly seed: number | DirectedName; readonly invariant: string; readonly message: string; readonly story: string } | undefined;
}

export type WorkerAnswer = { readonly report: WorkerReport } | { readonly error: string };

/** That types are stripped by hand is experimental. */
const QUIET = ["--disable-warning=ExperimentalWarning"];

/** Threads that wait for a task. They do not keep the process alive. */
const idle: Worker[] = [];

/**
 * Runs one task on a thread of its own. Rejects when the thread dies, or because a mutation no longer fits.
 * @param withinMs then the thread is ended: without a guard a world may come to no end
 */
export function runTask(task: WorkerTask, withinMs?: number): Promise<WorkerReport> {
  const worker = idle.pop() ?? new Worker(new URL("./seed-worker.ts", import.meta.url), { execArgv: QUIET });
  worker.ref();
  return new Promise((resolve, reject) => {
    const timer = withinMs === undefined ? undefined : setTimeout(() => void worker.terminate(), withinMs);
    const died = (cause: unknown): void => {
      clearTimeout(timer);
      reject(cause instanceof Error ? cause : new Error(`a worker ended with ${String(cause)}`));
    };
    worker.once("error", died).once("exit", died);
    worker.once("message", (answer: WorkerAnswer) => {
      clearTimeout(timer);
      worker.off("error", died).off("exit", died);
      worker.unref();
      idle.push(worker);
      if ("report" in answer) resolve(answer.report);
      else reject(new Error(answer.error));
    });
    worker.postMessage(task);
  });
}

export const seedsFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, at) => first + at);
