import { round } from "../load/latencies.ts";
import { seededRandom, seedFor } from "../load/random.ts";
import type { Aim, Chart, Figures } from "../result/model.ts";
import { World } from "../world/world.ts";
import { type Kind, MEMORY_MB, PROCESSORS, runArm, type Seen, WORKSPACE } from "./packing-arm.ts";
import type { Scenario } from "./scenario.ts";

/** The largest job, with its interpreter: what an operator counts with who may not run out of memory. */
const LARGEST_MB = 430;
const SLOTS = Math.floor(MEMORY_MB / LARGEST_MB);

/** Lengths of one arm, seconds. */
interface Lengths {
  readonly warmUpS: number;
  readonly windowS: number;
}

interface Load {
  /** Before the names of its figures. */
  readonly prefix: string;
  readonly words: string;
  readonly kinds: readonly Kind[];
  /** More than can end within the time, of the packed arm and the other. */
  readonly jobs: readonly [packed: number, workers: number];
  readonly short: readonly [packed: Lengths, workers: Lengths];
  readonly long: readonly [packed: Lengths, workers: Lengths];
}

/** Many that wait for others, some that compute on what they have read, a few that hold much. None says what it needs. */
function kinds(callS: number, transformS: number, reportS: number): readonly Kind[] {
  return [
    { name: "call", share: 55, memoryMb: 1, worksS: 0, waitsS: callS },
    { name: "transform", share: 30, memoryMb: 90, worksS: 0.1, waitsS: transformS },
    { name: "report", share: 15, memoryMb: 400, worksS: 0.1, waitsS: reportS },
  ];
}

const lengths = (warmUpS: number, windowS: number): Lengths => ({ warmUpS, windowS });

const LOADS: readonly Load[] = [
  {
    prefix: "packing",
    words: "jobs of 10 to 60 seconds",
    kinds: kinds(20, 25, 40),
    jobs: [900, 300],
    short: [lengths(75, 75), lengths(45, 45)],
    long: [lengths(90, 180), lengths(45, 100)],
  },
  {
    // A start takes as long as that of the others, and there are two and a half times as many: more room is between two jobs.
    prefix: "packing_short_jobs",
    words: "jobs of 4 to 24 seconds",
    kinds: kinds(8, 10, 16),
    jobs: [1_400, 400],
    short: [lengths(45, 60), lengths(20, 40)],
    long: [lengths(45, 150), lengths(20, 80)],
  },
];

/** A host that packs its jobs by what they need, against one with as many slots as largest jobs fit. */
export const packing: Scenario = {
  name: "packing",
  summary: "mixed jobs on one real agent: packed by memory and processors, against as many slots as the largest job allows",
  takes: { short: "9 minutes", long: "14 minutes" },
  async run({ short, seed, scope, say }) {
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    let figures: Figures = {};
    const [aims, charts, problems]: [Aim[], Chart[], string[]] = [[], [], []];
    for (const load of LOADS) {
      const [packedFor, workersFor] = short ? load.short : load.long;
      const arm = (slots: number | "auto", jobs: number, within: Lengths): Promise<Seen> => {
        say(`${load.words}, ${slots === "auto" ? "packed" : `${slots} slots`}: ${within.warmUpS} + ${within.windowS} s …`);
        return runArm(world, { kinds: load.kinds, slots, jobs, ...within }, seededRandom(seedFor(seed, 1)));
      };
      const workers = await arm(SLOTS, load.jobs[1], workersFor);
      const packed = await arm("auto", load.jobs[0], packedFor);
      figures = { ...figures, ...figuresOf(load.prefix, packed, workers) };
      aims.push(...aimsOf(load));
      charts.push(chartOf(load, packed, workers));
      problems.push(...workers.problems, ...packed.problems);
    }
    return {
      figures,
      aims,
      charts,
      settings: {
        memory_of_all_jobs_mb: MEMORY_MB,
        processors: PROCESSORS,
        slots_otherwise: SLOTS,
        ...Object.fromEntries(LOADS.map(({ prefix, kinds: of }) => [`${prefix}_kinds`, of.map(inWords).join("; ")])),
      },
      notes: [
        "Utilisation: what the jobs have in use, on average over the looks, of all that jobs may use; of memory, or of processors where that is more.",
        "In use is what the kernel charges to the jobs' control groups without what it remembers of files; what waiting interpreters have without any job is taken off.",
        "Looks begin when the host has filled up and those that filled it have ended. There are always more jobs than fit; what is left in the end is cancelled.",
        "Every script has run three times before, on the same agent, where that is of use. A job needs its memory from its first moments to its end; no script declares anything.",
        "Two loads, each by itself: `packing_…` jobs take 10 to 60 seconds, `packing_short_jobs_…` the same jobs 4 to 24.",
      ],
      problems,
    };
  },
};

function inWords({ name, share, memoryMb, worksS, waitsS }: Kind): string {
  return `${name} ${share} %: ${memoryMb} MB, works ${worksS} s, waits ${waitsS / 2} to ${waitsS * 1.5} s`;
}

function aimsOf({ prefix, words }: Load): Aim[] {
  return [
    { figure: `${prefix}_utilisation_percent`, kind: "at least", limit: 85, words: `4.7: of the scarcer of memory and processors, ${words}` },
    { figure: `${prefix}_oom_jobs_count`, kind: "at most", limit: 0, words: `4.7: out of memory, ${words}` },
  ];
}

function chartOf({ words }: Load, packed: Seen, workers: Seen): Chart {
  return {
    kind: "time",
    title: `Memory of all jobs: ${words}`,
    xTitle: "time (s)",
    yTitle: "in use (MB)",
    lines: [
      { name: "packed", points: packed.line },
      { name: `${SLOTS} slots`, points: workers.line },
    ],
  };
}

function figuresOf(prefix: string, packed: Seen, workers: Seen): Figures {
  const scarcer = ({ memoryPercent, cpuPercent }: Seen): number => round(Math.max(memoryPercent, cpuPercent));
  return {
    [`${prefix}_utilisation_percent`]: scarcer(packed),
    [`${prefix}_one_per_worker_utilisation_percent`]: scarcer(workers),
    [`${prefix}_memory_percent`]: round(packed.memoryPercent),
    [`${prefix}_cpu_percent`]: round(packed.cpuPercent),
    [`${prefix}_one_per_worker_memory_percent`]: round(workers.memoryPercent),
    [`${prefix}_one_per_worker_cpu_percent`]: round(workers.cpuPercent),
    [`${prefix}_oom_jobs_count`]: packed.outOfMemory,
    [`${prefix}_per_minute_jobs`]: round(packed.jobsPerMinute),
    [`${prefix}_one_per_worker_per_minute_jobs`]: round(workers.jobsPerMinute),
    [`${prefix}_throughput_ratio`]: round(packed.jobsPerMinute / workers.jobsPerMinute),
  };
}
