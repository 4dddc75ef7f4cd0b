/**
 * The seam of a language. A runtime knows how a script of its language becomes files, an argument list and a place where the
 * result comes from; it starts no process of the script itself. `contract.test.ts` runs every one through the same list.
 */
import type { Exit } from "../../kernel/exit.ts";
import type { AllowEntry } from "../sandbox/network/allow-list.ts";
import type { ProbeResult } from "../sandbox/probe.ts";
import type { InsidePaths, JobFile, NetworkPolicy, ReadOnlyMount, WarmInterpreter, WarmStart } from "../sandbox/sandbox.ts";
import type { Workshop } from "../workshop/workshop.ts";
import type { ReachableCopies } from "./reachable-copies.ts";

export interface LaunchRequest {
  readonly code: string;
  /** Text of a JSON object. */
  readonly argsJson: string;
  readonly paths: InsidePaths;
  /** What `lock` returned when the script was deployed; empty for inline code and scripts without dependencies. */
  readonly lock: string;
  /** For dependencies and compiled programs. */
  readonly workshop: Workshop;
  /** Memory that was chosen for this job, for runtimes that size their heap by it (`memory-hints.ts`). Absent: the runtime's own default. */
  readonly memoryBytes?: number;
}

export interface LockRequest {
  readonly code: string;
  readonly workshop: Workshop;
}

/** Text that fixes the version of every dependency, for the language's own tool; empty when there are none. */
export interface Lock {
  readonly kind: "lock";
  readonly lock: string;
}

export interface Launch {
  readonly kind: "launch";
  readonly files: readonly JobFile[];
  /** Constants only, nothing from the tenant. */
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly ReadOnlyMount[];
  /** `record`: what the wrapper writes to fd 5. `last_stdout_line`: the last line that is not blank. */
  readonly resultFrom: "record" | "last_stdout_line";
  /** The same start for an interpreter that waits; absent where none can take this script. */
  readonly warm?: WarmStart;
  /** The program that stays for this script; absent where the language has none. */
  readonly dedicated?: DedicatedStart;
}

/** A program that serves one script again and again, in the words of `agent/dedicated/dedicated-process.ts`. */
export interface DedicatedStart {
  /** What of the script does not change from job to job. */
  readonly files: readonly JobFile[];
  readonly argv: readonly string[];
  /** Each job is a process of its own, which the program signals when it is told "term"; otherwise the program is the job. */
  readonly forks: boolean;
  /** What of this job the program is told. */
  readonly job: Readonly<Record<string, unknown>>;
}

/** The script cannot run at all: it does not parse, or the arguments do not fit. */
export interface Refusal {
  readonly kind: "refused";
  readonly exit: Exit;
  readonly resultJson: string;
}

export interface ProcessRuntime {
  readonly kind: "process";
  readonly version: string;
  /** All that any of its launches may mount: sandboxes are made before their job is known. */
  readonly mounts: readonly ReadOnlyMount[];
  /** Can wait for scripts of this runtime, see `Launch.warm`. */
  readonly interpreter?: WarmInterpreter;
  launch(request: LaunchRequest): Promise<Launch | Refusal>;
  /** Finds out what the code depends on and fixes the versions. Absent where there is nothing to fix. */
  lock?(request: LockRequest): Promise<Lock | Refusal>;
  /** Gets helper processes ready for the first script. */
  warmUp?(): void;
  /** Ends helper processes. Idempotent. */
  close(): void;
}

export interface InProcessRequest {
  readonly workspace: string;
  readonly code: string;
  /** Text of a JSON object. */
  readonly argsJson: string;
  readonly resultMaxBytes: number;
  /** What the job may reach; `allow` counts for the policy `allow_list`. Whoever carries the job out keeps to it. */
  readonly network: NetworkPolicy;
  readonly allow: readonly AllowEntry[];
  /** A line for the job's log. */
  say(text: string): void;
}

/** No process of the script's own: for queries and requests that others carry out. */
export interface InProcessRuntime {
  readonly kind: "in-process";
  readonly version: string;
  /**
   * @returns JSON text, or why the script cannot run. A rejection becomes the error of the job.
   * @param signal aborted when the job is to end: the query is cancelled, and the promise settles soon
   */
  run(request: InProcessRequest, signal: AbortSignal): Promise<string | Refusal>;
  /** What keeps memory between jobs; runtimes may share it. Absent: nothing does. */
  readonly held?: { heldBytes(): number };
  close(): void;
}

export type Runtime = ProcessRuntime | InProcessRuntime;

export interface DetectContext {
  /** Runs a command of ours in a throw-away sandbox. */
  probe(argv: readonly string[], mounts: readonly ReadOnlyMount[]): Promise<ProbeResult>;
  /** Where a mount appears to the script. */
  pathOf(mount: ReadOnlyMount): string;
  /** Where tools are copied that job users could not reach. */
  readonly copies: ReachableCopies;
}

/** Support for one or more languages, before it is known whether this machine has what it needs. */
export interface RuntimeSupport {
  readonly languages: readonly string[];
  /** One runtime per language, or undefined when the interpreter is missing or does not start inside the sandbox. */
  detect(context: DetectContext): Promise<ReadonlyMap<string, Runtime> | undefined>;
}

/** A command that ended well inside the sandbox: its output, trimmed. */
export function outputOf(result: ProbeResult): string | undefined {
  return result.end.kind === "ended" && result.end.code === 0 ? result.stdout.trim() : undefined;
}
