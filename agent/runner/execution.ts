import { join } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import { DedicatedPool } from "../dedicated/dedicated-pool.ts";
import { bashSupport } from "../runtimes/bash/bash-runtime.ts";
import { noopSupport } from "../runtimes/noop.ts";
import { pythonSupport } from "../runtimes/python3/python3-runtime.ts";
import { RuntimeRegistry } from "../runtimes/registry.ts";
import { typescriptSupport } from "../runtimes/typescript/typescript-runtime.ts";
import { detectSandbox, type SandboxLevel } from "../sandbox/detect.ts";
import { sweepJobsDir } from "../sandbox/job-dir.ts";
import { probe } from "../sandbox/probe.ts";
import { makeReachableDir } from "../sandbox/reachable.ts";
import { DEFAULT_RLIMITS, type NetworkPolicy, type Rlimits, type Sandbox, type WarmPlan } from "../sandbox/sandbox.ts";

/** Ceilings that hold where a bundle says nothing (zero). */
export interface ExecutionLimits {
  readonly timeoutMs: number;
  /** Between TERM and KILL when the time is up. */
  readonly timeoutGraceMs: number;
  /** Between TERM and KILL after a cancel. */
  readonly cancelGraceMs: number;
  readonly resultMaxBytes: number;
  /** Size of the private /tmp. It is memory. */
  readonly tmpBytes: number;
  readonly rlimits: Rlimits;
}

export const DEFAULT_LIMITS: ExecutionLimits = {
  timeoutMs: 30 * 60_000,
  timeoutGraceMs: 5_000,
  cancelGraceMs: 10_000,
  resultMaxBytes: 2 * 1024 * 1024,
  tmpBytes: 256 * 1024 * 1024,
  rlimits: DEFAULT_RLIMITS,
};

/** Everything that `startAttempt` needs besides the bundle. */
export interface AgentExecution {
  readonly sandbox: Sandbox;
  readonly runtimes: RuntimeRegistry;
  readonly dedicated: DedicatedPool;
  /** Where the sandbox has its job folders, see `makeReachableDir`. */
  readonly jobsDir: string;
  readonly network: NetworkPolicy;
  readonly limits: ExecutionLimits;
}

export interface ExecutionOptions {
  /** The agent's folder for running jobs; another one is taken where job users cannot reach it. Of this agent alone. */
  readonly dir: string;
  readonly sandbox: "required" | "off";
  /** Default none. Without a sandbox it is always full. */
  readonly network?: NetworkPolicy;
  readonly limits?: Partial<ExecutionLimits>;
  /** `--max-old-space-size` of Node scripts, megabytes; default 512. */
  readonly nodeHeapMb?: number;
  readonly pythonPath?: string;
  readonly bwrapPath?: string;
  /** Sandboxes that wait for their job, so that it starts in a millisecond; default 4, 0 for none. Each holds about 0.6 MB. */
  readonly prepared?: number;
  /** Memory for interpreters that wait for their script, megabytes; default 0, for none. */
  readonly warmMb?: number;
  /** Of each interpreter, so many wait whatever the demand is, within that memory; for tests. */
  readonly warmLeast?: number;
  /** Processes that stay for one script each; default 0, for none. */
  readonly dedicated?: number;
  /** Also offers the language `noop`, for load tests. */
  readonly noop?: boolean;
}

export interface OpenedExecution {
  readonly execution: AgentExecution;
  /** For Hello. */
  readonly sandboxLevel: SandboxLevel;
  readonly sandboxReasons: readonly string[];
  /** Job folders of an earlier run that were removed. */
  readonly swept: number;
  /** Ends helpers and sandboxes without a job. Attempts that run are not touched. */
  close(): void;
}

const DEFAULT_PREPARED = 4;
/** An agent that starts has more important things to do. */
const WARM_UP_AFTER_MS = 1_000;
/** Each holds a job user and six descriptors. */
const MAX_PREPARED = 200;

/**
 * Finds out what this machine can run and how well it can enclose it. Call `closeInheritedFds()` before.
 * @throws failed_precondition when no sandbox can be made and the operator did not ask to go without
 */
export async function openExecution(options: ExecutionOptions): Promise<OpenedExecution> {
  const dir = makeReachableDir(options.dir);
  const { bwrapPath } = options;
  const jobsDir = join(dir, "jobs");
  const swept = await sweepJobsDir(jobsDir);
  const detected = await detectSandbox({ mode: options.sandbox, stateDir: dir, jobsDir, ...(bwrapPath === undefined ? {} : { bwrapPath }) });
  const { sandbox } = detected;
  if (sandbox === undefined) {
    throw new AppError("failed_precondition", `scripts cannot be sandboxed on this machine: ${detected.reasons.join("; ")}`, {
      hint: "install bubblewrap and allow user namespaces, or start the agent with the sandbox switched off",
    });
  }
  const supports = [
    bashSupport,
    pythonSupport(options.pythonPath),
    typescriptSupport({ heapMb: options.nodeHeapMb ?? 512 }),
    ...(options.noop === true ? [noopSupport] : []),
  ];
  const runtimes = await RuntimeRegistry.detect(supports, {
    probe: (argv, mounts) => probe(sandbox, argv, mounts),
    pathOf: (mount) => sandbox.mountPath(mount),
    execDir: dir,
  });
  const network = sandbox.kind === "unsandboxed" ? "full" : (options.network ?? "none");
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { tmpBytes, rlimits } = limits;
  const warm: WarmPlan = {
    interpreters: runtimes.interpreters(),
    budgetBytes: (options.warmMb ?? 0) * 2 ** 20,
    ...(options.warmLeast === undefined ? {} : { least: options.warmLeast }),
  };
  sandbox.prepare({ network, tmpBytes, rlimits, mounts: runtimes.mounts() }, Math.min(options.prepared ?? DEFAULT_PREPARED, MAX_PREPARED), warm);
  const warmUp = warm.budgetBytes > 0 ? setTimeout(() => runtimes.warmUp(), WARM_UP_AFTER_MS).unref() : undefined;
  const dedicated = new DedicatedPool(sandbox, { max: options.dedicated ?? 0 });
  const execution: AgentExecution = { sandbox, runtimes, dedicated, jobsDir, network, limits };
  const close = (): void => {
    runtimes.close();
    clearTimeout(warmUp);
    dedicated.close();
    sandbox.close();
  };
  return { execution, sandboxLevel: detected.level, sandboxReasons: detected.reasons, swept, close };
}
