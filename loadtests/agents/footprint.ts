import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { groupsBelow, processesIn } from "../../agent/sandbox/cgroup/group-files.ts";
import { ownGroups } from "../../agent/sandbox/cgroup/hierarchy.ts";
import { groupKeyOf } from "../../agent/sandbox/cgroup/open.ts";
import { jobsGroupName } from "../../agent/sandbox/cgroup/sizes.ts";
import { ownBytesBelow } from "../../agent/sandbox/warm/memory.ts";
import { type ProcessTimes, readProcesses } from "../world/cpu.ts";

/** What an agent holds of its host. */
export interface Footprint {
  readonly rssMb: number;
  /** What the processes below it have for themselves, without the programs and libraries that they share. */
  readonly belowMb: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Below the agent, its helpers and waiting sandboxes included. */
  readonly processes: number;
  /** Zombies below the agent, or left to the machine by its sandboxes. */
  readonly zombies: number;
  /** Files and folders in its own folders, without the pipes that it makes ahead of time, by the hundred. */
  readonly files: number;
  readonly mounts: number;
  /** Control groups for its jobs, in all hierarchies. */
  readonly groups: number;
  /** Processes in these groups that are below the agent no more: left over from jobs. */
  readonly orphans: number;
}

/** @param folders of the agent; what is missing counts as empty */
export function footprintOf(pid: number, folders: readonly string[]): Footprint {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN);
  const groups = folders.flatMap((folder) => groupsOf(pid, join(folder, "exec")));
  // First the groups, then the processes: what begins or ends in between is no orphan.
  const inGroups = groups.flatMap(processesIn);
  const all = readProcesses();
  const below = descendantsOf(all, pid);
  return {
    rssMb: field("VmRSS") / 1024,
    belowMb: ownBytesBelow(pid) / 2 ** 20,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field("Threads"),
    processes: below.length,
    zombies: below.filter((one) => isZombie(one.pid)).length,
    files: folders.reduce((sum, folder) => sum + entriesBelow(folder), 0),
    mounts: readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n").length,
    groups: groups.length,
    orphans: orphansOf(inGroups, all, pid).filter((one) => !isZombie(one)).length,
  };
}

/** @param execDir of the agent: names its groups */
function groupsOf(pid: number, execDir: string): string[] {
  const own = ownGroups(readFileSync(`/proc/${pid}/cgroup`, "utf8"), readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
  const name = jobsGroupName(groupKeyOf(execDir));
  return own.flatMap(({ dir }) => groupsBelow(join(dir, name)));
}

/** Those of some processes that are still there and not below the root. @param some as they were before `all` was read */
export function orphansOf(some: readonly number[], all: readonly Pick<ProcessTimes, "pid" | "parent">[], root: number): number[] {
  const there = new Set(all.map(({ pid }) => pid));
  const below = new Set(descendantsOf(all, root).map(({ pid }) => pid));
  return [...new Set(some)].filter((one) => there.has(one) && !below.has(one));
}

function descendantsOf<One extends Pick<ProcessTimes, "pid" | "parent">>(all: readonly One[], root: number): One[] {
  const children = all.filter((one) => one.parent === root);
  return children.flatMap((child) => [child, ...descendantsOf(all, child.pid)]);
}

function isZombie(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

function entriesBelow(folder: string): number {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isFIFO());
    return entries.reduce((sum, entry) => sum + 1 + (entry.isDirectory() ? entriesBelow(join(folder, entry.name)) : 0), 0);
  } catch {
    // It was removed meanwhile, or was never there.
    return 0;
  }
}
