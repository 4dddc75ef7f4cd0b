import { availableParallelism } from "node:os";

/** Node's own number of threads beside the one that runs the program. */
const USUAL_HELPERS = 4;

/**
 * What Node is started with for a control plane: V8 gets as many threads for compiling and collecting as the machine has cores beside the first, and four
 * at most, which is Node's number wherever it runs. On two cores four of them compile at once when a burst brings code that has not run yet, and the
 * thread that dispatches waits for a core for up to 20 ms (docs/decisions/0205). Node reads it before any program. `bin/millrace` says the same.
 */
export function serverNodeFlags(cores: number = availableParallelism()): readonly string[] {
  return [`--v8-pool-size=${Math.min(USUAL_HELPERS, Math.max(1, cores - 1))}`];
}
