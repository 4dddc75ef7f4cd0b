/**
 * The seam between the runner and what encloses a script. Two implementations: `bubblewrap.ts` (the default) and
 * `unsandboxed.ts` (only when the operator asked for it). The runner never asks which one it has: it takes a place,
 * starts one script in it and discards it.
 */
import type { Duplex, Readable } from "node:stream";
import type { OutputStream } from "../runner/attempt-types.ts";
import type { CgroupUsage, GroupMemory, JobLimits } from "./cgroup/cgroup.ts";
import type { AllowEntry } from "./network/allow-list.ts";

/**
 * `none`: a network namespace of its own with nothing in it. `full`: the network of the agent, loopback included.
 * `allow_list`: that network too, but only what the script's list names; no name service.
 */
export type NetworkPolicy = "none" | "full" | "allow_list";

/** A host file or folder that the script may read. `target` is where it appears inside; both are absolute. */
export interface ReadOnlyMount {
  readonly source: string;
  readonly target: string;
}

/** A folder of the host that the program may write, for builds only. It is given to the job's user when the program starts. */
export interface WritableMount {
  readonly source: string;
  readonly target: string;
}

/** Ceilings that the kernel keeps per process (`ulimit`). */
export interface Rlimits {
  readonly openFiles: number;
  /** Largest file that may be written, bytes. */
  readonly fileBytes: number;
  /** Processes and threads of the job: the fallback against fork bombs where there are no cgroups. */
  readonly processes: number;
}

export const DEFAULT_RLIMITS: Rlimits = { openFiles: 1024, fileBytes: 1024 * 1024 * 1024, processes: 512 };

/** What of a sandbox is fixed when it is made, before anybody knows the job. */
export interface SandboxShape {
  readonly mounts: readonly ReadOnlyMount[];
  /** They cover what is mounted at the same place otherwise, such as /tmp. Without a sandbox there are none. */
  readonly writable?: readonly WritableMount[];
  readonly network: NetworkPolicy;
  /** Size of the private /tmp, bytes. */
  readonly tmpBytes: number;
  readonly rlimits: Rlimits;
}

export interface JobFile {
  /** A plain file name; the file appears in the job folder. */
  readonly name: string;
  readonly content: string | Buffer;
  /** A program: everybody who can read it may run it. */
  readonly executable?: boolean;
}

/** An interpreter that can wait in a prepared place for its script: it has started, and reads the job from `CONTROL_FD`. */
export interface WarmInterpreter {
  readonly name: string;
  /** Constants only. The program says `READY` and `BEGUN` itself, see `launcher.ts`. */
  readonly argv: readonly string[];
  readonly mounts: readonly ReadOnlyMount[];
}

/** How an interpreter that waits is given its script. */
export interface WarmStart {
  /** Name of the interpreter. */
  readonly interpreter: string;
  /** What the script itself needs in the job folder. */
  readonly files: readonly JobFile[];
  /** The rest of the job, as the interpreter's program wants it; the environment is added as `env`. */
  readonly job: Readonly<Record<string, unknown>>;
}

/** One script run. */
export interface SandboxSpec extends SandboxShape {
  /** Kept by control groups, where there are some. Absent: only the bounds of all jobs together. */
  readonly limits?: JobLimits;
  /** For the policy `allow_list`: what may be reached. */
  readonly allow?: readonly AllowEntry[];
  /** Instead of `files` and `argv`, when such an interpreter waits. */
  readonly warm?: WarmStart;
  /** The process serves more than one job: it is told about them by `say` and answers here, on fd 5. Always a cold start. */
  readonly onSaid?: (data: Buffer) => void;
  readonly files: readonly JobFile[];
  /** Program (absolute, as seen inside) and its arguments. Constants only: arguments of processes can be read by others on the host. */
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  /** At most this much is kept of what the script writes to fd 5. */
  readonly recordMaxBytes: number;
  /** A folder of the host that the script may write, as `shared` in its working folder. It is given to the job's user, with all that is in it. Always a cold start. */
  readonly shared?: string;
  /** A socket between agent and script on fd 8, for processes of ours that serve one job after the other. Never in a prepared place. */
  readonly channel?: boolean;
}

export interface SandboxIo {
  /** Set-up is over, the script's program begins; microseconds since the epoch. At most once, before any output. */
  onBegun(atUs: number): void;
  /** See `AttemptIo.onOutput`. Held back until the script's program begins. */
  onOutput(stream: OutputStream, data: Buffer): Promise<void> | undefined;
}

/** How the process tree ended. */
export type SandboxEnd =
  /** The script's program was never started. */
  | { readonly kind: "setup_failed"; readonly message: string }
  | {
      readonly kind: "ended";
      /** As a shell sees it: 128 + n for signal n. */
      readonly code: number;
      /** What was written to fd 5, up to the cap. */
      readonly record: Buffer;
      readonly recordOverflowed: boolean;
      /** Output was still coming when the bounded wait for the pipes was over. */
      readonly outputCut: boolean;
      /** What the whole tree used, where there are control groups. */
      readonly usage?: CgroupUsage;
    };

export interface SandboxProcess {
  /** Resolves when the tree is gone and its pipes are read. Never rejects. */
  readonly done: Promise<SandboxEnd>;
  /** TERM to the script's process group; before the script has begun it kills. */
  terminate(): void;
  /** KILL to everything; when the tree is gone already, its output is read no further. Idempotent. */
  kill(): void;
  /** The tree is gone, though its pipes may still be read. */
  exited(): boolean;
  /** The agent's end of the socket, when the spec asked for one. */
  readonly channel?: Duplex | undefined;
  /** Writes to `CONTROL_FD` of a process that was started with `onSaid`. */
  say(text: string): void;
  /** What the whole tree has used until now; undefined where nothing is measured. To be asked before `done`. */
  usage?(): CgroupUsage;
  /** Of its control group, when it has one to itself. */
  readonly memory?: GroupMemory;
}

/** A pipe with a name in the job folder, for one job of a process that serves several. */
export interface NamedPipe {
  readonly reader: Readable;
  /** Removes the name and closes the agent's own writing end, without which the pipe would be over before anybody opened it. Idempotent. */
  release(): void;
}

/** Name of the folder that steps share, in the working folder. */
export const SHARED_NAME = "shared";

/** Paths as the script sees them. */
export interface InsidePaths {
  /** Folder with the job's files. */
  readonly job: string;
  /** Writable folder: working directory, HOME and TMPDIR. */
  readonly tmp: string;
}

/** Room for one script: a folder, a user, perhaps a sandbox that is ready. Whoever takes one discards it. */
export interface Place {
  readonly paths: InsidePaths;
  /**
   * Puts the files there and starts the tree. At most once. Whatever goes wrong outside is a `setup_failed`.
   * Rejects for defects of ours and when the folder cannot be written; `discard` cleans up in any case.
   */
  start(spec: SandboxSpec, io: SandboxIo): Promise<SandboxProcess>;
  /** Makes pipes in the folder of a process that has been started, to be opened for writing. Absent where places have none. */
  pipes?(names: readonly string[]): Promise<NamedPipe[]>;
  /**
   * Gives back the user and removes the files, once the tree is gone; a millisecond or two after the promise has resolved. To be called
   * after `done`. Never rejects.
   */
  discard(): Promise<void>;
}

/** Which interpreters may wait, and how many. */
export interface WarmPlan {
  readonly interpreters: readonly WarmInterpreter[];
  /** What all that wait may take of the host's memory together. 0: none wait. */
  readonly budgetBytes: number;
  /** Of each, whatever the demand; for tests. */
  readonly least?: number;
}

export interface SandboxStats {
  /** Prepared places that wait for a job. */
  readonly ready: number;
  /** Interpreters that wait for a job, by name. */
  readonly warmReady: ReadonlyMap<string, number>;
  /** Memory of those that wait, or soon will. */
  readonly warmBytes: number;
  /** Starts in a prepared place. */
  readonly fast: number;
  /** Those of them that found their interpreter waiting. */
  readonly warm: number;
  /** Starts that made everything first. */
  readonly cold: number;
}

export interface Sandbox {
  readonly kind: "bubblewrap" | "unsandboxed";
  /** Where a mount appears to scripts. */
  mountPath(mount: ReadOnlyMount): string;
  /** @param cold makes everything anew: for what is not a job and stays long, so that no prepared place is used up by it */
  place(cold?: boolean): Place;
  /**
   * Keeps `count` places ready for scripts of this shape until `close`, and others with interpreters in them. At most once; nothing
   * happens where it makes no sense.
   */
  prepare(shape: SandboxShape, count: number, warm?: WarmPlan): void;
  stats(): SandboxStats;
  /** Ends what waits. Places in use are not touched. Idempotent. */
  close(): void;
}
