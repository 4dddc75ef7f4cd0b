import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readField, readNumber } from "../../agent/sandbox/cgroup/group-files.ts";
import { ownGroups } from "../../agent/sandbox/cgroup/hierarchy.ts";
import { monotonicUs, pause } from "../load/monotonic.ts";
import type { Line } from "../result/model.ts";
import { until } from "../world/processes.ts";
import type { World } from "../world/world.ts";
import { countJobs } from "../world/world-store.ts";

export const WORKSPACE = "load";
/** What all jobs may use together: little enough for two processors to fill it with jobs. */
export const MEMORY_MB = 4096;
export const PROCESSORS = 2;
const SAMPLE_MS = 200;
/** Until an agent that has nothing to do has made all that is to wait for jobs. */
const SETTLE_MS = 4_000;
const CLIENTS = 8;
/** Each script has run so often before, waiting for so long, where that is of use: then it is known. */
const RUNS_BEFORE = 3;
const WAITS_BEFORE_S = 6;
/** With fewer left at the end of the window the host may have had nothing to choose from. */
const LEAST_LEFT = 60;

/** Scripts of one kind. */
export interface Kind {
  readonly name: string;
  /** Of a hundred jobs. */
  readonly share: number;
  /** What it takes and keeps, megabytes, beside its interpreter. */
  readonly memoryMb: number;
  /** Processor time that it uses first, and how long it waits then on average, seconds: each between half and one and a half times as long. */
  readonly worksS: number;
  readonly waitsS: number;
}

/** One arm of a comparison. */
export interface Way {
  readonly kinds: readonly Kind[];
  readonly slots: number | "auto";
  /** More than can end within the time. */
  readonly jobs: number;
  /** From then on it is measured: the host has filled up, and those that filled it have ended. */
  readonly warmUpS: number;
  readonly windowS: number;
}

export interface Seen {
  readonly memoryPercent: number;
  readonly cpuPercent: number;
  readonly jobsPerMinute: number;
  readonly outOfMemory: number;
  readonly line: Line["points"];
  readonly problems: readonly string[];
}

/** A new agent with a backlog that does not end. What is left at the end of the window is cancelled. */
export async function runArm(world: World, way: Way, random: () => number): Promise<Seen> {
  const before = new Set(groupsOfJobs());
  const agent = await world.realAgents(1, way.slots, { noop: false }, { MILLRACE_AGENT_MEMORY_MB: String(MEMORY_MB) });
  const groups = groupsOfJobs().filter((dir) => !before.has(dir));
  await pause(SETTLE_MS);
  const idleBytes = memoryOf(groups);
  const problems = way.slots === "auto" ? await makeKnown(world, way.kinds) : [];
  const sinceMs = Date.now();
  const ids = await submit(
    world,
    Array.from({ length: way.jobs }, () => {
      const kind = pick(way.kinds, random);
      return { ...kind, waitsS: kind.waitsS * (0.5 + random()) };
    }),
  );
  const watched = await watch(world, way, groups, sinceMs);
  await cancelAll(world, sinceMs);
  const ends = await endsOf(world, ids);
  // Under load more interpreters wait than before it, and they still do.
  const restBytes = Math.max(idleBytes, memoryOf(groups));
  await agent.stop("SIGTERM");
  const short = watched.left < LEAST_LEFT ? [`only ${watched.left} jobs were left at the end of the window: too few to choose from`] : [];
  return {
    memoryPercent: (100 * (watched.meanBytes - restBytes)) / (MEMORY_MB * 2 ** 20),
    cpuPercent: (100 * watched.cpuS) / watched.seconds / PROCESSORS,
    jobsPerMinute: (60 * watched.ended) / watched.seconds,
    outOfMemory: ends.outOfMemory,
    line: watched.line,
    problems: [...problems, ...ends.problems, ...short],
  };
}

interface Watched {
  readonly line: Line["points"];
  readonly meanBytes: number;
  readonly seconds: number;
  readonly cpuS: number;
  readonly ended: number;
  readonly left: number;
}

async function watch(world: World, { warmUpS, windowS }: Way, groups: readonly string[], sinceMs: number): Promise<Watched> {
  const startedUs = monotonicUs();
  const line: (readonly [number, number])[] = [];
  const seconds = (): number => (monotonicUs() - startedUs) / 1e6;
  const look = (): void => void line.push([seconds(), memoryOf(groups) / 2 ** 20]);
  while (seconds() < warmUpS) {
    await pause(SAMPLE_MS);
    look();
  }
  const from = { atS: seconds(), looks: line.length, cpuUs: cpuOf(groups), ...(await countJobs(world.sql, sinceMs)) };
  while (seconds() < from.atS + windowS) {
    await pause(SAMPLE_MS);
    look();
  }
  const to = { atS: seconds(), cpuUs: cpuOf(groups), ...(await countJobs(world.sql, sinceMs)) };
  const measured = line.slice(from.looks);
  const meanMb = measured.reduce((sum, [, mb]) => sum + mb, 0) / measured.length;
  return {
    line,
    meanBytes: meanMb * 2 ** 20,
    seconds: to.atS - from.atS,
    cpuS: (to.cpuUs - from.cpuUs) / 1e6,
    ended: to.done - from.done,
    left: to.open,
  };
}

/** @returns what went wrong */
async function makeKnown(world: World, kinds: readonly Kind[]): Promise<readonly string[]> {
  const sinceMs = Date.now();
  const ids = await submit(
    world,
    kinds.flatMap((kind) => Array.from({ length: RUNS_BEFORE }, () => ({ ...kind, waitsS: WAITS_BEFORE_S }))),
  );
  await until("each script has run", async () => (await countJobs(world.sql, sinceMs)).open === 0, 600_000);
  return (await endsOf(world, ids)).problems;
}

async function cancelAll(world: World, sinceMs: number): Promise<void> {
  const answer = await world.api("POST", WORKSPACE, "/bulk/cancel", JSON.stringify({ filter: {}, reason: "measured" }));
  if (answer.status >= 300) throw new Error(`what was left could not be cancelled: ${answer.status} ${answer.text}`);
  await until("what was left is cancelled", async () => (await countJobs(world.sql, sinceMs)).open === 0, 120_000);
}

/** All at once. @returns their ids */
async function submit(world: World, kinds: readonly Kind[]): Promise<string[]> {
  const bodies = kinds.map((kind) => JSON.stringify({ code: { language: "python3", content: codeOf(kind) }, args: { seconds: kind.waitsS } })).reverse();
  const ids: string[] = [];
  const client = async (): Promise<void> => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const answer = await world.api("POST", WORKSPACE, "/jobs", body);
      const { id } = JSON.parse(answer.text) as { id?: string };
      if (id === undefined) throw new Error(`a job was refused: ${answer.status} ${answer.text}`);
      ids.push(id);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return ids;
}

function pick(kinds: readonly Kind[], random: () => number): Kind {
  let left = random() * 100;
  const found = kinds.find(({ share }) => {
    left -= share;
    return left < 0;
  });
  if (found === undefined) throw new Error("the shares of the kinds do not add up to a hundred");
  return found;
}

/** The same text however long it waits: it is learned by its text. */
function codeOf({ memoryMb, worksS }: Kind): string {
  return [
    "import time",
    "def main(seconds):",
    `    kept = b'x' * ${memoryMb * 2 ** 20}`,
    `    end = time.process_time() + ${worksS}`,
    "    while time.process_time() < end:",
    "        pass",
    "    time.sleep(seconds)",
    "    return len(kept)",
    "",
  ].join("\n");
}

/** How many ran out of memory; any other end but a good one, or being cancelled when all was measured, is a problem. */
async function endsOf(world: World, ids: readonly string[]): Promise<{ outOfMemory: number; problems: string[] }> {
  const problems: string[] = [];
  let outOfMemory = 0;
  for (const id of ids) {
    const answer = await world.api("GET", WORKSPACE, `/jobs/${id}`);
    const { exit } = JSON.parse(answer.text) as { exit?: { reason: string; message?: string } };
    if (exit?.reason === "out_of_memory") outOfMemory += 1;
    else if (exit?.reason !== "succeeded" && exit?.reason !== "cancelled" && problems.length < 20) {
      problems.push(`a job ended as ${exit?.reason}: ${exit?.message}`);
    }
  }
  return { outOfMemory, problems };
}

/** Control groups in which agents below this process keep all their jobs. */
function groupsOfJobs(): string[] {
  const own = ownGroups(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
  return own.flatMap(({ dir }) =>
    readdirSync(dir)
      .filter((name) => name.startsWith("millrace-jobs-"))
      .map((name) => join(dir, name)),
  );
}

/** All that is charged to them but what the kernel remembers of files: it gives that back. Names of both versions of control groups. */
function memoryOf(groups: readonly string[]): number {
  const stat = (dir: string, name: string): number => readField(dir, "memory.stat", name) ?? 0;
  const charged = (dir: string): number => readNumber(dir, "memory.usage_in_bytes") ?? readNumber(dir, "memory.current") ?? 0;
  // What lies in /tmp and shared memory counts among the files there.
  const files = (dir: string): number => (stat(dir, "total_cache") || stat(dir, "file")) - (stat(dir, "total_shmem") || stat(dir, "shmem"));
  return Math.max(0, ...groups.map((dir) => charged(dir) - files(dir)));
}

/** Processor time so far, microseconds. */
function cpuOf(groups: readonly string[]): number {
  return Math.max(0, ...groups.map((dir) => readField(dir, "cpu.stat", "usage_usec") ?? (readNumber(dir, "cpuacct.usage") ?? 0) / 1_000));
}
