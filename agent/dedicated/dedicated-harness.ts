/** Support for tests of this folder: executions with a pool of dedicated processes of their own, and scripts that ask for one. */
import { readdirSync } from "node:fs";
import { afterAll, afterEach } from "vitest";
import { type FinishedScript, openTestExecution, runScript, type ScriptOptions } from "../runner/attempt-harness.ts";
import type { AgentExecution, ExecutionOptions } from "../runner/execution.ts";
import { type DedicatedOptions, DedicatedPool } from "./dedicated-pool.ts";

export interface TestPools {
  readonly execution: AgentExecution;
  readonly hasPython: boolean;
  /** The pool that was made last. */
  readonly pool: DedicatedPool | undefined;
  /** The execution with another pool, which ends with the test. */
  readonly withPool: (options?: Partial<DedicatedOptions>) => AgentExecution;
}

/** To be called once in a file, before its tests. */
export async function openTestPools(options: Partial<ExecutionOptions>): Promise<TestPools> {
  const opened = await openTestExecution({ prepared: 0, ...options });
  const { execution } = opened;
  afterAll(() => opened.dispose());
  let pool: DedicatedPool | undefined;
  afterEach(async () => {
    pool?.close();
    await until(() => (pool?.stats().processes ?? 0) === 0);
    await until(() => readdirSync(execution.jobsDir).length === 0);
  });
  return {
    execution,
    hasPython: execution.runtimes.find("python3") !== undefined,
    get pool() {
      return pool;
    },
    withPool: (wanted = {}) => {
      pool = new DedicatedPool(execution.sandbox, { max: 2, ...wanted });
      return { ...execution, dedicated: pool };
    },
  };
}

/** The limit is that of the test. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function runDedicated(execution: AgentExecution, language: string, code: string, options: ScriptOptions = {}): Promise<FinishedScript> {
  return runScript(execution, language, code, { dedicated: true, ...options });
}
