import { chownSync } from "node:fs";
import { join } from "node:path";
import { type CgroupDriver, CONTROLS, type Control, type JobCgroup, type JobLimits } from "./cgroup.ts";
import { type GroupFolders, hasFile, KERNEL_FOLDERS, killGroup, moveProcess, readField, readNumber, tryWrite, writeValue } from "./group-files.ts";
import type { OwnGroup } from "./hierarchy.ts";
import { Leaving } from "./leaving.ts";
import { LimitsInForce, type LimitWriters } from "./limits-in-force.ts";
import { CPU_PERIOD_US, cpuQuotaUs, jobsGroupName, memoryForJobs } from "./sizes.ts";
import { closeGroups, sweepGroup } from "./sweep.ts";

/** A process outside has 1024. */
const JOBS_SHARES = 512;
/**
 * Version 1 kills one process of a group that is out of memory and lets the others go on; version 2 can kill all. To treat jobs alike we
 * look for that ourselves, while jobs run. What a job does in between does not count: its end is judged by the counter.
 */
const OOM_LOOK_MS = 200;
const NO_LIMIT = -1;
const MEMORY_FILES = ["memory.limit_in_bytes", "memory.oom_control"];

export interface V1Options {
  readonly folders?: GroupFolders;
  /** What all jobs together may use, bytes; 0: as much as there is. */
  readonly wantedBytes?: number;
}

/** The folders of one group, by what they are for. Two of them may be the same folder. */
type Dirs = ReadonlyMap<string, string>;

/**
 * Limits by the hierarchies of version 1, one folder in each. Where version 2 is mounted beside them without controllers it can kill a group (`cgroup.kill`) and counts its time;
 * but a process cannot enter such a group by itself, only be moved (`JobCgroup.doors`). So it is used only where those of version 1 cannot do the same.
 * @returns a driver for what is writable, or why there is none
 */
export async function openV1(own: readonly OwnGroup[], key: string, options: V1Options = {}): Promise<CgroupDriver | string[]> {
  const { folders = KERNEL_FOLDERS, wantedBytes = 0 } = options;
  const reasons: string[] = [];
  const jobs = new Map<string, string>();
  for (const name of [...CONTROLS, "cpuacct", "unified"]) {
    // Each hierarchy costs every job a group.
    if (name === "unified" && jobs.has("pids") && jobs.has("cpuacct")) continue;
    const group = own.find((one) => (name === "unified" ? one.version === 2 : one.controllers.includes(name)));
    const dir = group === undefined ? undefined : join(group.dir, jobsGroupName(key));
    const trouble = dir === undefined ? "is not mounted" : await prepareJobs(dir, jobs, folders);
    if (dir !== undefined && trouble === undefined) jobs.set(name, dir);
    else if (isControl(name)) reasons.push(`control group ${name}: ${trouble}`);
  }
  const memory = jobs.get("memory");
  if (memory !== undefined && !MEMORY_FILES.every((name) => hasFile(memory, name))) {
    folders.remove(memory);
    jobs.delete("memory");
    reasons.push("control group memory: its files are missing");
  }
  const controls = new Set(CONTROLS.filter((name) => jobs.has(name)));
  if (controls.size === 0) {
    for (const dir of new Set(jobs.values())) folders.remove(dir);
    return reasons;
  }
  return new V1Driver(jobs, controls, reasons, { folders, wantedBytes });
}

function isControl(name: string): name is Control {
  return CONTROLS.some((control) => control === name);
}

/** @returns what went wrong */
async function prepareJobs(dir: string, made: Dirs, folders: GroupFolders): Promise<string | undefined> {
  if ([...made.values()].includes(dir)) return undefined;
  try {
    if (!(await sweepGroup(dir, folders))) return `${dir} is left over from an earlier run and cannot be removed`;
    folders.make(dir);
    return undefined;
  } catch (error) {
    return `${dir} cannot be made (${error instanceof Error && "code" in error ? String(error.code) : "unknown"})`;
  }
}

class V1Driver implements CgroupDriver {
  readonly kind = "v1";
  readonly controls: ReadonlySet<Control>;
  readonly reasons: readonly string[];
  totalMemoryBytes = 0;
  readonly #jobs: Dirs;
  readonly #folders: GroupFolders;
  readonly #wantedBytes: number;
  readonly #leaving: Leaving;
  /** Without a job yet, and with one. */
  readonly #idle = new Set<V1Group>();
  readonly #running = new Set<V1Group>();
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #closed = false;

  constructor(jobs: Dirs, controls: ReadonlySet<Control>, reasons: readonly string[], { folders, wantedBytes }: Required<V1Options>) {
    this.#jobs = jobs;
    this.controls = controls;
    this.reasons = reasons;
    this.#folders = folders;
    this.#wantedBytes = wantedBytes;
    this.#leaving = new Leaving(folders);
    this.#bound();
  }

  create(): JobCgroup {
    if (this.#closed) this.#reopen();
    this.#count += 1;
    const dirs = new Map([...this.#jobs].map(([name, dir]) => [name, join(dir, String(this.#count))]));
    const made: string[] = [];
    try {
      for (const dir of new Set(dirs.values())) {
        this.#folders.make(dir);
        made.push(dir);
      }
    } catch (error) {
      this.#leaving.remove(made);
      throw error;
    }
    const group = new V1Group(dirs, {
      started: () => {
        this.#idle.delete(group);
        this.#watch(group);
      },
      ended: () => {
        this.#idle.delete(group);
        this.#running.delete(group);
        this.#leaving.remove([...new Set(dirs.values())], this.#closed ? this.#tops() : []);
      },
    });
    this.#idle.add(group);
    return group;
  }

  close(): void {
    this.#closed = true;
    for (const group of this.#idle) group.kill();
    this.#leaving.close();
    closeGroups(this.#tops(), this.#folders);
  }

  #tops(): string[] {
    return [...new Set(this.#jobs.values())];
  }

  #reopen(): void {
    for (const dir of this.#tops()) if (!hasFile(dir, "cgroup.procs")) this.#folders.make(dir);
    this.#bound();
  }

  #bound(): void {
    this.totalMemoryBytes = boundAllJobs(this.#jobs.get("memory"), this.#wantedBytes);
    const cpu = this.#jobs.get("cpu");
    if (cpu !== undefined) tryWrite(cpu, "cpu.shares", JOBS_SHARES);
  }

  #watch(group: V1Group): void {
    if (!this.controls.has("memory")) return;
    this.#running.add(group);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      for (const one of this.#running) if (one.oomKills() > 0) one.kill();
      if (this.#running.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, OOM_LOOK_MS);
    this.#timer.unref();
  }
}

/** @returns what all jobs together may use */
function boundAllJobs(dir: string | undefined, wantedBytes: number): number {
  if (dir === undefined) return 0;
  // Kernels before 5.11 ask for it; the later ones know nothing else.
  tryWrite(dir, "memory.use_hierarchy", 1);
  const bytes = memoryForJobs(readField(join(dir, ".."), "memory.stat", "hierarchical_memory_limit"), wantedBytes);
  setMemory(dir, bytes);
  return bytes;
}

/** Memory and swap together may never be less than memory: the order depends on what was there before. */
function setMemory(dir: string, bytes: number): void {
  const hasSwap = hasFile(dir, "memory.memsw.limit_in_bytes");
  if (!tryWrite(dir, "memory.limit_in_bytes", bytes)) {
    if (hasSwap) writeValue(dir, "memory.memsw.limit_in_bytes", bytes);
    writeValue(dir, "memory.limit_in_bytes", bytes);
  }
  if (hasSwap) writeValue(dir, "memory.memsw.limit_in_bytes", bytes);
}

function writersFor(dirs: Dirs): LimitWriters {
  const [memory, pids, cpu] = [dirs.get("memory"), dirs.get("pids"), dirs.get("cpu")];
  return {
    memoryBytes: (bytes) => {
      if (memory !== undefined) setMemory(memory, bytes ?? NO_LIMIT);
    },
    processes: (count) => {
      if (pids !== undefined) writeValue(pids, "pids.max", count ?? "max");
    },
    cpuMillis: (millis) => {
      if (cpu === undefined) return;
      if (millis !== undefined) writeValue(cpu, "cpu.cfs_period_us", CPU_PERIOD_US);
      writeValue(cpu, "cpu.cfs_quota_us", millis === undefined ? NO_LIMIT : cpuQuotaUs(millis));
    },
  };
}

class V1Group implements JobCgroup {
  readonly #dirs: Dirs;
  readonly #limits: LimitsInForce;
  readonly #on: { started(): void; ended(): void };

  constructor(dirs: Dirs, on: { started(): void; ended(): void }) {
    this.#dirs = dirs;
    this.#limits = new LimitsInForce(writersFor(dirs));
    this.#on = on;
  }

  expect(limits: JobLimits): void {
    this.#limits.expect(limits);
  }

  limit(limits: JobLimits): void {
    this.#limits.set(limits);
    this.#on.started();
  }

  async place(pid: number): Promise<void> {
    // One after the other: the first one waits for the kernel, together they would hold up all other work with files.
    for (const dir of new Set(this.#dirs.values())) await moveProcess(dir, pid);
  }

  doors({ uid, gid }: { readonly uid: number; readonly gid: number }): string[] | undefined {
    if (this.#dirs.has("unified")) return undefined;
    const files = [...new Set(this.#dirs.values())].map((dir) => join(dir, "tasks"));
    if (uid !== process.getuid?.()) for (const file of files) chownSync(file, uid, gid);
    return files;
  }

  usage(): { peakMemoryBytes: number | undefined; cpuMs: number | undefined; oomKills: number } {
    const memory = this.#dirs.get("memory");
    return {
      peakMemoryBytes: memory === undefined ? undefined : readNumber(memory, "memory.max_usage_in_bytes"),
      cpuMs: this.#cpuMs(),
      oomKills: this.oomKills(),
    };
  }

  /** Alone, for who looks often. */
  oomKills(): number {
    const memory = this.#dirs.get("memory");
    return memory === undefined ? 0 : (readField(memory, "memory.oom_control", "oom_kill") ?? 0);
  }

  #cpuMs(): number | undefined {
    const [unified, accounting] = [this.#dirs.get("unified"), this.#dirs.get("cpuacct")];
    if (unified !== undefined) return inMs(readField(unified, "cpu.stat", "usage_usec"), 1_000);
    return accounting === undefined ? undefined : inMs(readNumber(accounting, "cpuacct.usage"), 1_000_000);
  }

  usedBytes(): number | undefined {
    const memory = this.#dirs.get("memory");
    return memory === undefined ? undefined : readNumber(memory, "memory.usage_in_bytes");
  }

  moveLimit(bytes: number): boolean {
    return this.#dirs.has("memory") && this.#limits.moveMemory(bytes);
  }

  waitAtLimit(waits: boolean): void {
    const memory = this.#dirs.get("memory");
    if (memory !== undefined) tryWrite(memory, "memory.oom_control", Number(waits));
  }

  kill(): void {
    // In all of them: a process that is just being placed is in some only. First where all can be killed at once, or none can be started any more.
    for (const dir of new Set([this.#dirs.get("unified") ?? [], this.#dirs.get("pids") ?? [], ...this.#dirs.values()].flat())) killGroup(dir);
  }

  remove(): void {
    this.#on.ended();
  }
}

function inMs(value: number | undefined, perMs: number): number | undefined {
  return value === undefined ? undefined : Math.round(value / perMs);
}
