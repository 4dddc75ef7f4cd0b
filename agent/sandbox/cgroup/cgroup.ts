/**
 * The seam between sandboxes and the kernel's control groups. Drivers: `v2.ts`, `v1.ts`, and `noCgroups` below.
 * All groups are made below the one in which the agent itself is, never beside it: what is there is not ours.
 *
 *   <the agent's own group>/millrace-jobs-<key>/<number>      one per job or prepared sandbox
 *   <the agent's own group>/millrace-agent-<key>              v2 only: there a group with children may hold no processes
 */

export const CONTROLS = ["memory", "pids", "cpu"] as const;
/** What a driver can bound. */
export type Control = (typeof CONTROLS)[number];

export interface JobLimits {
  /** All memory of the job: its processes, their files in /tmp, buffers of the kernel. Undefined: only the bound on all jobs together. */
  readonly memoryBytes?: number;
  /** Thousandths of a processor. Undefined: whatever is free. */
  readonly cpuMillis?: number;
  /** Processes and threads. */
  readonly processes?: number;
}

export interface CgroupUsage {
  /** The most that was used at one time. Undefined where the kernel does not tell. */
  readonly peakMemoryBytes: number | undefined;
  readonly cpuMs: number | undefined;
  /** Processes of this job that the kernel killed because memory was used up. */
  readonly oomKills: number;
}

/** The memory of a job that runs. */
export interface GroupMemory {
  /** What it uses now, bytes. Undefined where the kernel does not tell, or when it is gone. */
  usedBytes(): number | undefined;
  /** Another limit from now on. @returns false when the kernel refuses: the old one stands */
  moveLimit(bytes: number): boolean;
  /** Whether the job, when it comes to its limit, waits for another one instead of being killed. Without effect where the kernel cannot. */
  waitAtLimit(waits: boolean): void;
}

/** The group of one sandbox. None of the methods throws but `limit`. */
export interface JobCgroup extends GroupMemory {
  /** Limits that a job will probably ask for: what is the same then needs no write between its assignment and its start. */
  expect(limits: JobLimits): void;
  /** From now on a job is in it. May be called when processes are in the group already. @throws when the kernel refuses */
  limit(limits: JobLimits): void;
  /**
   * Moves a process here; its children are born here. Takes some 15 ms when nobody has moved a process for a while (the kernel waits for all
   * processors to have passed a quiet point), hence not in the agent's own thread. Rejects when it cannot be: the process must then not go on.
   */
  place(pid: number): Promise<void>;
  /**
   * Files in which a process of this user writes "0" to be in the group, all of them: at once, where `place` waits for the kernel. None where the kernel has
   * no such file. @throws when the kernel refuses
   */
  doors?(user: { readonly uid: number; readonly gid: number }): readonly string[] | undefined;
  usage(): CgroupUsage;
  /** KILL to all processes in the group. */
  kill(): void;
  /** To be called when no process is left. What cannot be removed yet is removed later. */
  remove(): void;
}

export interface CgroupDriver {
  readonly kind: "v2" | "v1" | "none";
  readonly controls: ReadonlySet<Control>;
  /** Why `controls` lacks something. */
  readonly reasons: readonly string[];
  /** What all jobs together may use, bytes; 0: not bounded. */
  readonly totalMemoryBytes: number;
  /** @throws when the kernel refuses */
  create(): JobCgroup;
  /**
   * Removes the groups; processes in one that was never limited are killed, for it has no job. Jobs that run are not touched: the last one
   * removes what is left. A group can still be had. Idempotent.
   */
  close(): void;
}

const NO_GROUP: JobCgroup = {
  expect: () => undefined,
  limit: () => undefined,
  place: () => Promise.resolve(),
  usage: () => ({ peakMemoryBytes: undefined, cpuMs: undefined, oomKills: 0 }),
  usedBytes: () => undefined,
  moveLimit: () => false,
  waitAtLimit: () => undefined,
  kill: () => undefined,
  remove: () => undefined,
};

/** The driver of a host without usable groups: nothing is bounded, nothing is measured. */
export function noCgroups(reasons: readonly string[]): CgroupDriver {
  return { kind: "none", controls: new Set(), reasons, totalMemoryBytes: 0, create: () => NO_GROUP, close: () => undefined };
}
