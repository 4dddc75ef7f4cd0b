/**
 * Interpreters cannot see the limit that the kernel keeps for a job and size their heaps by the whole host. One that knows collects garbage
 * instead of being killed.
 */
import type { JobLimits } from "../sandbox/cgroup/cgroup.ts";

const MB = 1024 * 1024;
/** The rest is for stacks, code, buffers outside the heap and files in /tmp. */
const HEAP_PART = 0.75;
const MIN_HEAP_MB = 16;

/** Size of a heap within a job's memory, megabytes: for `--max-old-space-size`, `-Xmx`. */
export function heapMbWithin(memoryBytes: number): number {
  return Math.max(MIN_HEAP_MB, Math.floor((memoryBytes * HEAP_PART) / MB));
}

/** Variables that tell a language's own runtime its limits. */
export function limitHints(language: string, limits: JobLimits): Map<string, string> {
  const hints = new Map<string, string>();
  if (language !== "go") return hints;
  if (limits.memoryBytes !== undefined) hints.set("GOMEMLIMIT", `${Math.floor(limits.memoryBytes * 0.9)}B`);
  if (limits.cpuMillis !== undefined) hints.set("GOMAXPROCS", String(Math.max(1, Math.ceil(limits.cpuMillis / 1_000))));
  return hints;
}
