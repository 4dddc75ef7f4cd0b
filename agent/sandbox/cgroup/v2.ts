import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../../kernel/app-error.ts";
import { type CgroupDriver, type CgroupUsage, CONTROLS, type Control, type JobCgroup, type JobLimits } from "./cgroup.ts";
import {
  type GroupFolders,
  hasFile,
  KERNEL_FOLDERS,
  killGroup,
  moveProcess,
  processesIn,
  readField,
  readNumber,
  readText,
  tryWrite,
  writeValue,
} from "./group-files.ts";
import type { OwnGroup } from "./hierarchy.ts";
import { Leaving } from "./leaving.ts";
import { LimitsInForce, type LimitWriters } from "./limits-in-force.ts";
import { agentGroupName, CPU_PERIOD_US, cpuQuotaUs, jobsGroupName, memoryForJobs } from "./sizes.ts";
import { closeGroups, sweepGroup } from "./sweep.ts";

/** Another group beside has 100. */
const JOBS_WEIGHT = 50;

export interface V2Options {
  readonly folders?: GroupFolders;
  /** What all jobs together may use, bytes; 0: as much as there is. */
  readonly wantedBytes?: number;
  /** The processes that may be moved with the agent: itself, those that started it, those that it started. */
  readonly isFamily?: (pid: number) => boolean;
}

/**
 * Limits by the unified hierarchy, in a group that was delegated to the agent (systemd: `Delegate=yes`; a container with a writable group).
 * A group with limited children may hold no processes, so the agent first moves itself into a child of its own. It moves nobody but
 * its family: where others share the group there are no limits.
 * @returns a driver, or why there is none
 */
export async function openV2(own: OwnGroup, key: string, options: V2Options = {}): Promise<CgroupDriver | string[]> {
  const { folders = KERNEL_FOLDERS, isFamily = isOwnFamily, wantedBytes = 0 } = options;
  // After a restart by a process that an earlier run has moved.
  const base = /^millrace-agent-/.test(basename(own.dir)) ? dirname(own.dir) : own.dir;
  const offered = words(readText(base, "cgroup.controllers"));
  if (!CONTROLS.some((name) => offered.has(name))) return [`control groups: none is delegated to ${base}`];
  const jobs = join(base, jobsGroupName(key));
  try {
    if (!(await sweepGroup(jobs, folders))) return [`control groups: ${jobs} is left over from an earlier run and cannot be removed`];
    const trouble = moveFamily(base, key, folders, isFamily);
    if (trouble !== undefined) return [`control groups: ${trouble}`];
    folders.make(jobs);
    const wanted = CONTROLS.filter((name) => offered.has(name));
    const controls = new Set(
      wanted.filter((name) => tryWrite(base, "cgroup.subtree_control", `+${name}`) && tryWrite(jobs, "cgroup.subtree_control", `+${name}`)),
    );
    const reasons = CONTROLS.filter((name) => !controls.has(name)).map((name) => `control group ${name}: not delegated to ${base}`);
    if (controls.size > 0) {
      const totalBytes = controls.has("memory") ? memoryForJobs(readNumber(base, "memory.max"), wantedBytes) : 0;
      return new V2Driver({ jobs, controls, reasons, folders, totalMemoryBytes: totalBytes });
    }
    folders.remove(jobs);
    return reasons;
  } catch (error) {
    return [`control groups: ${messageOf(error)}`];
  }
}

function words(text: string | undefined): Set<string> {
  return new Set((text ?? "").split(/\s+/).filter((word) => word !== ""));
}

/** @returns what is in the way */
function moveFamily(base: string, key: string, folders: GroupFolders, isFamily: (pid: number) => boolean): string | undefined {
  const pids = processesIn(base);
  // The top of the whole tree, which has no type, may hold processes beside groups.
  if (pids.length === 0 || !hasFile(base, "cgroup.type")) return undefined;
  const others = pids.filter((pid) => !isFamily(pid));
  if (others.length > 0) return `${base} also holds processes of others (${others.slice(0, 5).join(", ")}): give the agent a group of its own`;
  const leaf = join(base, agentGroupName(key));
  if (!hasFile(leaf, "cgroup.procs")) folders.make(leaf);
  for (const pid of pids) writeValue(leaf, "cgroup.procs", pid);
  return undefined;
}

/** This process, its ancestors and its descendants. */
function isOwnFamily(pid: number): boolean {
  return pid === process.pid || lineOf(process.pid).includes(pid) || lineOf(pid).includes(process.pid);
}

function lineOf(pid: number): number[] {
  const line: number[] = [];
  for (let at = parentOf(pid); at > 0 && line.length < 1_000; at = parentOf(at)) line.push(at);
  return line;
}

function parentOf(pid: number): number {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

interface V2Parts extends Pick<CgroupDriver, "controls" | "reasons" | "totalMemoryBytes"> {
  /** The group of all jobs. */
  readonly jobs: string;
  readonly folders: GroupFolders;
}

class V2Driver implements CgroupDriver {
  readonly kind = "v2";
  readonly controls: ReadonlySet<Control>;
  readonly reasons: readonly string[];
  readonly totalMemoryBytes: number;
  #closed = false;
  readonly #jobs: string;
  readonly #folders: GroupFolders;
  readonly #leaving: Leaving;
  /** Without a job yet. */
  readonly #idle = new Set<V2Group>();
  #count = 0;

  constructor({ jobs, controls, reasons, folders, totalMemoryBytes }: V2Parts) {
    this.#jobs = jobs;
    this.controls = controls;
    this.reasons = reasons;
    this.#folders = folders;
    this.#leaving = new Leaving(folders);
    this.totalMemoryBytes = totalMemoryBytes;
    this.#bound();
  }

  create(): JobCgroup {
    if (this.#closed) this.#reopen();
    this.#count += 1;
    const dir = join(this.#jobs, String(this.#count));
    this.#folders.make(dir);
    if (this.controls.has("memory")) {
      // Without it the kernel kills one process, and a job may go on with half of itself. Missing before Linux 4.19.
      tryWrite(dir, "memory.oom.group", 1);
      tryWrite(dir, "memory.swap.max", 0);
    }
    const group = new V2Group(dir, this.controls, {
      started: () => void this.#idle.delete(group),
      ended: () => {
        this.#idle.delete(group);
        this.#leaving.remove([dir], this.#closed ? [this.#jobs] : []);
      },
    });
    this.#idle.add(group);
    return group;
  }

  /** The agent itself stays in its group: whatever started it may start it there again. */
  close(): void {
    this.#closed = true;
    for (const group of this.#idle) group.kill();
    this.#leaving.close();
    closeGroups([this.#jobs], this.#folders);
  }

  #reopen(): void {
    if (hasFile(this.#jobs, "cgroup.procs")) return;
    this.#folders.make(this.#jobs);
    for (const name of this.controls) writeValue(this.#jobs, "cgroup.subtree_control", `+${name}`);
    this.#bound();
  }

  #bound(): void {
    if (this.controls.has("memory")) {
      writeValue(this.#jobs, "memory.max", this.totalMemoryBytes);
      tryWrite(this.#jobs, "memory.swap.max", 0);
    }
    if (this.controls.has("cpu")) tryWrite(this.#jobs, "cpu.weight", JOBS_WEIGHT);
  }
}

function writersFor(dir: string, controls: ReadonlySet<Control>): LimitWriters {
  const write = (control: Control, name: string, value: string | number): void => {
    if (controls.has(control)) writeValue(dir, name, value);
  };
  return {
    memoryBytes: (bytes) => write("memory", "memory.max", bytes ?? "max"),
    processes: (count) => write("pids", "pids.max", count ?? "max"),
    cpuMillis: (millis) => write("cpu", "cpu.max", millis === undefined ? "max" : `${cpuQuotaUs(millis)} ${CPU_PERIOD_US}`),
  };
}

class V2Group implements JobCgroup {
  readonly #dir: string;
  readonly #limits: LimitsInForce;
  readonly #on: { started(): void; ended(): void };

  constructor(dir: string, controls: ReadonlySet<Control>, on: { started(): void; ended(): void }) {
    this.#dir = dir;
    this.#limits = new LimitsInForce(writersFor(dir, controls));
    this.#on = on;
  }

  expect(limits: JobLimits): void {
    this.#limits.expect(limits);
  }

  limit(limits: JobLimits): void {
    this.#limits.set(limits);
    this.#on.started();
  }

  place(pid: number): Promise<void> {
    return moveProcess(this.#dir, pid);
  }

  usage(): CgroupUsage {
    const us = readField(this.#dir, "cpu.stat", "usage_usec");
    return {
      // Since Linux 5.19.
      peakMemoryBytes: readNumber(this.#dir, "memory.peak"),
      cpuMs: us === undefined ? undefined : Math.round(us / 1_000),
      oomKills: readField(this.#dir, "memory.events", "oom_kill") ?? 0,
    };
  }

  usedBytes(): number | undefined {
    return readNumber(this.#dir, "memory.current");
  }

  moveLimit(bytes: number): boolean {
    return this.#limits.moveMemory(bytes);
  }

  waitAtLimit(): void {
    // Version 2 has no such thing.
  }

  kill(): void {
    killGroup(this.#dir);
  }

  remove(): void {
    this.#on.ended();
  }
}
