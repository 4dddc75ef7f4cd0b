/**
 * The seam between the runner and what encloses a script. Two implementations: `bubblewrap.ts` (the default) and
 * `unsandboxed.ts` (only when the operator asked for it). The runner never asks which one it has.
 */
import type { OutputStream } from "../runner/attempt-types.ts";
import type { JobIdentity, JobUids } from "./job-uids.ts";

/** `none`: a network namespace of its own with nothing in it. `full`: the network of the agent, loopback included. */
export type NetworkPolicy = "none" | "full";

/** A host file or folder that the script may read. `target` is where it appears inside; both are absolute. */
export interface ReadOnlyMount {
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

export interface SandboxSpec {
  /** Program (absolute, as seen inside) and its arguments. Constants only: arguments of processes can be read by others on the host. */
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  /** Host folder that appears read-only as the job folder; undefined for probes. */
  readonly jobDir: string | undefined;
  readonly mounts: readonly ReadOnlyMount[];
  readonly network: NetworkPolicy;
  readonly identity: JobIdentity;
  /** Size of the private /tmp, bytes. */
  readonly tmpBytes: number;
  readonly rlimits: Rlimits;
  /** At most this much is kept of what the script writes to fd 5. */
  readonly recordMaxBytes: number;
}

export interface SandboxIo {
  /** The sandbox's process exists; microseconds since the epoch. At most once, before any output. */
  onSpawned(atUs: number): void;
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
}

/** Paths as the script sees them. */
export interface InsidePaths {
  /** Folder with the job's files. */
  readonly job: string;
  /** Writable folder: working directory, HOME and TMPDIR. */
  readonly tmp: string;
  mount(mount: ReadOnlyMount): string;
}

export interface Sandbox {
  readonly kind: "bubblewrap" | "unsandboxed";
  readonly uids: JobUids;
  paths(jobDir: string): InsidePaths;
  /** Starts the tree. Rejects only for defects of ours; whatever goes wrong outside is a `setup_failed`. */
  start(spec: SandboxSpec, io: SandboxIo): Promise<SandboxProcess>;
}
