import { join } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import { NOOP_LANGUAGE } from "../../kernel/languages.ts";
import { openSandboxDoor, type SandboxDoor } from "../api-door/sandbox-door.ts";
import { DedicatedPool } from "../dedicated/dedicated-pool.ts";
import { ReachableCopies } from "../runtimes/reachable-copies.ts";
import { RuntimeRegistry } from "../runtimes/registry.ts";
import { detectSandbox } from "../sandbox/detect.ts";
import { sweepJobsDir } from "../sandbox/job-dir.ts";
import type { SandboxLevel } from "../sandbox/layers.ts";
import { enclosureOf, LevelWatch } from "../sandbox/level-watch.ts";
import { probe } from "../sandbox/probe.ts";
import { makeReachableDir } from "../sandbox/reachable.ts";
import { DEFAULT_RLIMITS, type NetworkPolicy, type ReadOnlyMount, type Rlimits, type Sandbox, type WarmPlan } from "../sandbox/sandbox.ts";
import { SharedFolders } from "../shared/shared-folders.ts";
import { LocalWorkshop } from "../workshop/local-workshop.ts";
import { supportsOf } from "./supports.ts";
import type { Enclosure } from "./terms.ts";

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
  /** Memory of one job with all it has; 0: half of what all jobs together may use. */
  readonly memoryBytes: number;
  /** Thousandths of a processor; 0: whatever is free. */
  readonly cpuMillis: number;
}

export const DEFAULT_LIMITS: ExecutionLimits = {
  timeoutMs: 30 * 60_000,
  timeoutGraceMs: 5_000,
  cancelGraceMs: 10_000,
  resultMaxBytes: 2 * 1024 * 1024,
  tmpBytes: 256 * 1024 * 1024,
  rlimits: DEFAULT_RLIMITS,
  memoryBytes: 0,
  cpuMillis: 0,
};

/** Everything that `startAttempt` needs besides the bundle. */
export interface AgentExecution {
  readonly sandbox: Sandbox;
  readonly runtimes: RuntimeRegistry;
  readonly workshop: LocalWorkshop;
  readonly door: SandboxDoor;
  readonly dedicated: DedicatedPool;
  readonly folders: SharedFolders;
  /** Where the sandbox has its job folders, see `makeReachableDir`. */
  readonly jobsDir: string;
  readonly network: NetworkPolicy;
  readonly limits: ExecutionLimits;
  readonly enclosure: Enclosure;
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
  /** How large the cache of dependencies and compiled programs may become, bytes; default 10 GiB. */
  readonly cacheMaxBytes?: number;
  /** How much the steps of a flow may keep in the folder that they share, bytes; default 1 GiB. */
  readonly sharedMaxBytes?: number;
  /** Variables for builds with network: private registries, proxies. */
  readonly buildEnv?: ReadonlyMap<string, string>;
  /** See `DetectOptions`. */
  readonly firewall?: "on" | "off";
  readonly blockMetadata?: boolean;
  /** Memory that all jobs together may use, bytes; default all but a tenth. */
  readonly memoryBytes?: number;
  /** Called when the level of the sandbox is another than before; it is tried again every hour. */
  readonly onLevel?: (level: SandboxLevel, reasons: readonly string[]) => void;
  /** Certificates to trust for the API, PEM; the system's by default. */
  readonly apiCa?: string;
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
  /** Looks for these languages alone; default all. To look for one costs a process or two. */
  readonly languages?: readonly string[];
}

export interface OpenedExecution {
  readonly execution: AgentExecution;
  /** For Hello. */
  readonly sandboxLevel: SandboxLevel;
  readonly sandboxReasons: readonly string[];
  /** Job folders of an earlier run that were removed. */
  readonly swept: number;
  /** False when there should be a sandbox, and it was found not to hold. */
  takesScripts(): boolean;
  /** Tries the sandbox again: from now on scripts are held against what is found. @returns the level */
  recheck(): Promise<SandboxLevel>;
  /** Memory of processes that are no job: interpreters that wait, query helpers, dedicated processes without a job, builds. */
  heldBytes(): number;
  /** Ends one dedicated process that has no job. @returns false when there is none */
  shed(): boolean;
  /** Ends helpers and sandboxes without a job. Attempts that run are not touched. */
  close(): void;
}

const DEFAULT_PREPARED = 4;
const DEFAULT_CACHE_BYTES = 10 * 1024 * 1024 * 1024;
const DEFAULT_SHARED_BYTES = 1024 * 1024 * 1024;
/** An agent that starts has more important things to do. */
const WARM_UP_AFTER_MS = 1_000;
/** With what the kernel keeps for its group. */
const PREPARED_BYTES = 1024 * 1024;
/** Each holds a job user and six descriptors. */
const MAX_PREPARED = 200;

/**
 * Finds out what this machine can run and how well it can enclose it. Call `closeInheritedFds()` before.
 * @throws failed_precondition when no sandbox can be made and the operator did not ask to go without
 */
export async function openExecution(options: ExecutionOptions): Promise<OpenedExecution> {
  const dir = makeReachableDir(options.dir);
  const { bwrapPath, firewall = "on", blockMetadata = true } = options;
  const jobsDir = join(dir, "jobs");
  const swept = await sweepJobsDir(jobsDir);
  const folders = await SharedFolders.open(join(dir, "shared"), options.sharedMaxBytes ?? DEFAULT_SHARED_BYTES);
  const memoryBytes = options.memoryBytes ?? 0;
  const how = { mode: options.sandbox, stateDir: dir, jobsDir, firewall, blockMetadata, memoryBytes };
  const detected = await detectSandbox({ ...how, ...(bwrapPath === undefined ? {} : { bwrapPath }) });
  const { sandbox } = detected;
  if (sandbox === undefined) {
    throw new AppError("failed_precondition", `scripts cannot be sandboxed on this machine: ${detected.reasons.join("; ")}`, {
      hint: "install bubblewrap and allow user namespaces, or go without, with MILLRACE_AGENT_SANDBOX=off: jobs can then read whatever the agent can",
    });
  }
  const network = sandbox.kind === "unsandboxed" ? "full" : (options.network ?? "none");
  // Sandboxes that wait may be used by the first job: what holds for all must be there before them.
  if (network === "full") await detected.firewall.protect();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { tmpBytes, rlimits } = limits;
  const { nodeHeapMb, pythonPath, noop, languages } = options;
  const supports = supportsOf({ sandbox, network, metadataAllowed: !blockMetadata, tmpBytes, nodeHeapMb, pythonPath, noop });
  const copies = new ReachableCopies(dir);
  const context = {
    probe: (argv: readonly string[], mounts: readonly ReadOnlyMount[]) => probe(sandbox, argv, mounts),
    pathOf: (mount: ReadOnlyMount) => sandbox.mountPath(mount),
    copies,
  };
  const runtimes = await RuntimeRegistry.detect(supports, context, languages === undefined ? undefined : [...languages, NOOP_LANGUAGE]);
  await copies.sweep();
  const warm: WarmPlan = {
    interpreters: runtimes.interpreters(),
    budgetBytes: (options.warmMb ?? 0) * 2 ** 20,
    ...(options.warmLeast === undefined ? {} : { least: options.warmLeast }),
  };
  const prepared = Math.min(options.prepared ?? DEFAULT_PREPARED, MAX_PREPARED);
  const door = await openSandboxDoor(dir, sandbox, options.apiCa);
  sandbox.prepare({ network, tmpBytes, rlimits, mounts: [...runtimes.mounts(), door.mount] }, prepared, warm);
  const warmUp = warm.budgetBytes > 0 ? setTimeout(() => runtimes.warmUp(), WARM_UP_AFTER_MS).unref() : undefined;
  const dedicated = new DedicatedPool(sandbox, { max: options.dedicated ?? 0 });
  const watch = new LevelWatch(detected, options.onLevel);
  const cacheMaxBytes = options.cacheMaxBytes ?? DEFAULT_CACHE_BYTES;
  const workshop = await LocalWorkshop.open({
    dir,
    sandbox,
    cacheMaxBytes,
    buildEnv: options.buildEnv ?? new Map(),
    mayRunCodeOnline: network === "full",
    // As much as a job that asks for nothing has where the operator has chosen nothing: compilers need more than most scripts.
    buildMemoryBytes: Math.floor(detected.cgroups.totalMemoryBytes / 2),
  });
  const execution: AgentExecution = {
    sandbox,
    runtimes,
    workshop,
    door,
    dedicated,
    folders,
    jobsDir,
    network,
    limits,
    enclosure: enclosureOf(detected, watch),
  };
  const close = (): void => {
    watch.stop();
    runtimes.close();
    clearTimeout(warmUp);
    dedicated.close();
    door.close();
    sandbox.close();
    detected.close();
  };
  const takesScripts = (): boolean => sandbox.kind === "unsandboxed" || watch.level > 0;
  const heldBytes = (): number => sandbox.stats().warmBytes + prepared * PREPARED_BYTES + runtimes.heldBytes() + dedicated.heldBytes() + workshop.heldBytes();
  const [recheck, shed] = [() => watch.look(), () => dedicated.shed()];
  return { execution, sandboxLevel: detected.level, sandboxReasons: detected.reasons, swept, close, takesScripts, recheck, heldBytes, shed };
}
