import { readFileSync } from "node:fs";
import { UID_COUNT } from "../sandbox/job-uids.ts";
import { type CpuReading, readHostCpu } from "./cpu-watch.ts";
import { processorGroups, processorMillis, timesThrottled } from "./host-processors.ts";

/** What a host has for jobs. */
export interface HostRoom {
  /** What all jobs may use together, bytes; the kernel keeps them to it. */
  readonly totalMemoryBytes: number;
  readonly processorMillis: number;
  /** A job that comes to its limit of memory waits for another one, instead of being killed. */
  readonly waitsAtLimit: boolean;
  /** For which there are descriptors and users. */
  readonly maxJobs: number;
  /** Of that memory, what others have than jobs that run: interpreters that wait, query helpers, dedicated processes without a job, builds. */
  heldBytes(): number;
  /** Ends one of those processes, the one that is needed least. @returns false when there is none */
  shed(): boolean;
  readCpu(): CpuReading | undefined;
}

/** Pipes, sockets and files that the agent has open for one job, with room for those that come and go. */
const DESCRIPTORS_PER_JOB = 16;
const OWN_DESCRIPTORS = 512;
/** For sandboxes that wait, builds and helpers. */
const OTHER_USERS = 200;

export function openHostRoom(sources: Pick<HostRoom, "totalMemoryBytes" | "waitsAtLimit" | "heldBytes" | "shed">): HostRoom {
  const groups = processorGroups();
  return {
    ...sources,
    processorMillis: processorMillis(groups),
    maxJobs: jobsFor(openFilesLimit(readText("/proc/self/limits"))),
    readCpu: () => readHostCpu(() => timesThrottled(groups)),
  };
}

/** @param openFiles undefined: not limited */
export function jobsFor(openFiles: number | undefined): number {
  const byFiles = openFiles === undefined ? Number.POSITIVE_INFINITY : Math.floor((openFiles - OWN_DESCRIPTORS) / DESCRIPTORS_PER_JOB);
  return Math.max(1, Math.min(UID_COUNT - OTHER_USERS, byFiles));
}

/** Pure. @param limits text of /proc/self/limits */
export function openFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
