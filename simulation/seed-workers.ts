import { Worker } from "node:worker_threads";
import type { DirectedName } from "./directed/directed-worlds.ts";
import type { Mutation } from "./mutation.ts";

export interface WorkerTask {
  readonly seeds: readonly number[];
  /** Directed worlds, which come first. */
  readonly worlds?: readonly DirectedName[];
  readonly mutation?: Mutation | undefined;
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

/** Runs one task on a thread of its own. Rejects when the thread dies, e.g. because a mutation no longer fits. */
export function runTask(task: WorkerTask): Promise<WorkerReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./seed-worker.ts", import.meta.url), { workerData: task });
    worker.once("message", (report: WorkerReport) => {
      resolve(report);
      void worker.terminate();
    });
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a worker ended with ${code}`)));
  });
}

export const seedsFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, at) => first + at);
