import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readField, readNumber } from "../../agent/sandbox/cgroup/group-files.ts";
import { ownGroups } from "../../agent/sandbox/cgroup/hierarchy.ts";
import { round } from "../load/latencies.ts";
import { monotonicUs, pause } from "../load/monotonic.ts";
import { seededRandom, seedFor } from "../load/random.ts";
import type { Figures, Line } from "../result/model.ts";
import { until } from "../world/processes.ts";
import { World } from "../world/world.ts";
import { countJobs } from "../world/world-store.ts";
import type { Scenario } from "./scenario.ts";

const WORKSPACE = "load";
/** What all jobs may use together: little enough for two processors to fill it with jobs. */
const MEMORY_MB = 4096;
const PROCESSORS = 2;
const SAMPLE_MS = 200;
/** Until an agent that has nothing to do has made all that is to wait for jobs. */
const SETTLE_MS = 4_000;
const CLIENTS = 8;

interface Kind {
  readonly name: string;
  /** Of a hundred jobs. */
  readonly share: number;
  /** What it takes and keeps, megabytes, beside its interpreter. */
  readonly memoryMb: number;
  /** Processor time that it uses first, and how long it waits then, seconds. */
  readonly worksS: number;
  readonly waitsS: number;
}

/**
 * Many that wait for others, some that compute on what they have read, a few that hold much. None says what it needs. They take so long that two processors
 * start as many as the memory holds, also beside other work: this is about room, not about starts.
 */
const KINDS: readonly Kind[] = [
  { name: "call", share: 55, memoryMb: 1, worksS: 0, waitsS: 20 },
  { name: "transform", share: 30, memoryMb: 90, worksS: 0.1, waitsS: 25 },
  { name: "report", share: 15, memoryMb: 400, worksS: 0.1, waitsS: 40 },
];
/** Each script has run so often before, waiting for so long: then it is known. */
const RUNS_BEFORE = 3;
const WAITS_BEFORE_S = 6;
/** The largest job, with its interpreter: what an operator counts with who may not run out of memory. */
const LARGEST_MB = 430;

/** One arm of the comparison. */
interface Way {
  readonly slots: number | "auto";
  readonly jobs: number;
  /** From then on it is measured: the host has filled up, and those that filled it have ended. */
  readonly warmUpS: number;
  /** While fewer than this are left the host cannot be full any more. */
  readonly tail: number;
}

interface Seen {
  readonly memoryPercent: number;
  readonly cpuPercent: number;
  readonly jobsPerMinute: number;
  readonly outOfMemory: number;
  readonly line: Line["points"];
}

/** A host that packs its jobs by what they need, against one with as many slots as largest jobs fit. */
export const packing: Scenario = {
  name: "packing",
  summary: "mixed jobs on one real agent: packed by memory and processors, against as many slots as the largest job allows",
  takes: { short: "8 minutes", long: "20 minutes" },
  async run(context) {
    const { short, seed, scope, say } = context;
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    const fixed = Math.floor(MEMORY_MB / LARGEST_MB);
    const problems: string[] = [];
    const arm = (words: string, way: Way): Promise<Seen> => {
      say(`${words}: ${way.jobs} jobs …`);
      return runArm(world, way, seededRandom(seedFor(seed, 1)), problems);
    };
    const workers = await arm(`${fixed} slots`, { slots: fixed, jobs: short ? 40 : 120, warmUpS: 45, tail: 12 });
    const packed = await arm("auto", { slots: "auto", jobs: short ? 320 : 900, warmUpS: 110, tail: 45 });
    return {
      figures: figuresOf(packed, workers),
      aims: [
        { figure: "packing_utilisation_percent", kind: "at least", limit: 85, words: "4.7: of the scarcer of memory and processors" },
        { figure: "packing_oom_jobs_count", kind: "at most", limit: 0, words: "4.7: jobs out of memory" },
      ],
      charts: [
        {
          kind: "time",
          title: "Memory of all jobs",
          xTitle: "time (s)",
          yTitle: "in use (MB)",
          lines: [
            { name: "auto", points: packed.line },
            { name: `${fixed} slots`, points: workers.line },
          ],
        },
      ],
      settings: {
        memory_of_all_jobs_mb: MEMORY_MB,
        processors: PROCESSORS,
        slots_otherwise: fixed,
        kinds: KINDS.map(({ name, share, memoryMb, worksS, waitsS }) => `${name} ${share} %: ${memoryMb} MB, works ${worksS} s, waits ${waitsS} s`).join("; "),
      },
      notes: [
        "Utilisation: what the jobs have in use, on average over the looks, of all that jobs may use; of memory, or of processors where that is more.",
        "In use is what the kernel charges to the jobs' control groups without what it remembers of files; what waiting interpreters have without any job is taken off.",
        "Looks begin when the host has filled up, and end when fewer jobs are left than fill it. Every script has run three times before, on the same agent.",
        "A job needs its memory from its first moments to its end; no script declares anything.",
      ],
      problems,
    };
  },
};

function figuresOf(packed: Seen, workers: Seen): Figures {
  const scarcer = ({ memoryPercent, cpuPercent }: Seen): number => round(Math.max(memoryPercent, cpuPercent));
  return {
    packing_utilisation_percent: scarcer(packed),
    packing_one_per_worker_utilisation_percent: scarcer(workers),
    packing_memory_percent: round(packed.memoryPercent),
    packing_cpu_percent: round(packed.cpuPercent),
    packing_one_per_worker_memory_percent: round(workers.memoryPercent),
    packing_one_per_worker_cpu_percent: round(workers.cpuPercent),
    packing_oom_jobs_count: packed.outOfMemory,
    packing_per_minute_jobs: round(packed.jobsPerMinute),
    packing_one_per_worker_per_minute_jobs: round(workers.jobsPerMinute),
    packing_throughput_ratio: round(packed.jobsPerMinute / workers.jobsPerMinute),
  };
}

async function runArm(world: World, way: Way, random: () => number, problems: string[]): Promise<Seen> {
  const before = new Set(groupsOfJobs());
  const agent = await world.realAgents(1, way.slots, { noop: false }, { MILLRACE_AGENT_MEMORY_MB: String(MEMORY_MB) });
  const groups = groupsOfJobs().filter((dir) => !before.has(dir));
  await pause(SETTLE_MS);
  const idleBytes = memoryOf(groups);
  const known = KINDS.flatMap((kind) => Array.from({ length: RUNS_BEFORE }, () => ({ ...kind, waitsS: WAITS_BEFORE_S })));
  const beforeMs = Date.now();
  const early = await submit(world, known);
  await until("each script has run", async () => (await countJobs(world.sql, beforeMs)).open === 0, 600_000);
  problems.push(...(await endsOf(world, early)).problems);
  const sinceMs = Date.now();
  const ids = await submit(
    world,
    Array.from({ length: way.jobs }, () => pick(random)),
  );
  const startedUs = monotonicUs();
  const line: (readonly [number, number])[] = [];
  const measured = { memory: 0, looks: 0 };
  let from: { readonly atUs: number; readonly cpuUs: number; readonly done: number } | undefined;
  let to: typeof from;
  for (let open = way.jobs, look = 0; open > 0; look++) {
    await pause(SAMPLE_MS);
    const atUs = monotonicUs();
    const bytes = memoryOf(groups);
    line.push([(atUs - startedUs) / 1e6, bytes / 2 ** 20]);
    if (look % 5 === 0) {
      const counted = await countJobs(world.sql, sinceMs);
      ({ open } = counted);
      const now = { atUs, cpuUs: cpuOf(groups), done: counted.done };
      if (atUs - startedUs >= way.warmUpS * 1e6 && open >= way.tail) [from, to] = [from ?? now, now];
    }
    if (from !== undefined && open >= way.tail) {
      measured.memory += bytes;
      measured.looks += 1;
    }
  }
  const ends = await endsOf(world, ids);
  problems.push(...ends.problems);
  // Under load more interpreters wait than before it, and they still do.
  const restBytes = Math.max(idleBytes, memoryOf(groups));
  await agent.stop("SIGTERM");
  if (from === undefined || to === undefined || to.atUs === from.atUs) throw new Error("the jobs ended before the host was full: too few of them");
  const seconds = (to.atUs - from.atUs) / 1e6;
  return {
    memoryPercent: (100 * (measured.memory / measured.looks - restBytes)) / (MEMORY_MB * 2 ** 20),
    cpuPercent: (100 * (to.cpuUs - from.cpuUs)) / 1e6 / seconds / PROCESSORS,
    jobsPerMinute: (60 * (to.done - from.done)) / seconds,
    outOfMemory: ends.outOfMemory,
    line,
  };
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

function pick(random: () => number): Kind {
  let left = random() * 100;
  const found = KINDS.find(({ share }) => {
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

/** How many ran out of memory; any other end but a good one is a problem. */
async function endsOf(world: World, ids: readonly string[]): Promise<{ outOfMemory: number; problems: string[] }> {
  const problems: string[] = [];
  let outOfMemory = 0;
  for (const id of ids) {
    const answer = await world.api("GET", WORKSPACE, `/jobs/${id}`);
    const { exit } = JSON.parse(answer.text) as { exit?: { reason: string; message?: string } };
    if (exit?.reason === "out_of_memory") outOfMemory += 1;
    else if (exit?.reason !== "succeeded" && problems.length < 20) problems.push(`a job ended as ${exit?.reason}: ${exit?.message}`);
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
