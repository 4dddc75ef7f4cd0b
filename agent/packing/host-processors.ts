import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { readField, readNumber, readText } from "../sandbox/cgroup/group-files.ts";
import { type OwnGroup, ownGroups } from "../sandbox/cgroup/hierarchy.ts";

/** Nobody nests groups deeper. */
const MAX_DEPTH = 32;

/** The groups of this process that may bound its processors, with those above them, the own ones first. */
export function processorGroups(): OwnGroup[] {
  try {
    const own = ownGroups(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
    return own.filter(({ version, controllers }) => version === 2 || controllers.includes("cpu"));
  } catch {
    return [];
  }
}

/** Thousandths of processors that this process may use: those of the host that it may run on, and not more than any group above it has. */
export function processorMillis(groups: readonly OwnGroup[], host = availableParallelism()): number {
  const quotas = groups.flatMap((group) => linesUp(group.dir).flatMap((dir) => quotaMillis(dir, group.version) ?? []));
  return Math.max(1, Math.floor(Math.min(host * 1000, ...quotas)));
}

function linesUp(dir: string): string[] {
  const found: string[] = [];
  for (let at = dir; existsSync(join(at, "cgroup.procs")) && found.length < MAX_DEPTH; at = dirname(at)) found.push(at);
  return found;
}

function quotaMillis(dir: string, version: 1 | 2): number | undefined {
  if (version === 1) {
    const [quotaUs, periodUs] = [readNumber(dir, "cpu.cfs_quota_us"), readNumber(dir, "cpu.cfs_period_us")];
    return quotaUs === undefined || periodUs === undefined ? undefined : (quotaUs * 1000) / periodUs;
  }
  const [quotaUs, periodUs] = (readText(dir, "cpu.max") ?? "").split(" ").map(Number);
  return quotaUs === undefined || periodUs === undefined || !Number.isFinite(quotaUs) ? undefined : (quotaUs * 1000) / periodUs;
}

/** How often this process was kept waiting because a group of it had used up its share. */
export function timesThrottled(groups: readonly OwnGroup[]): number {
  return groups.reduce((sum, { dir }) => sum + (readField(dir, "cpu.stat", "nr_throttled") ?? 0), 0);
}
