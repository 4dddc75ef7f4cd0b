import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Footprint, footprintOf } from "../agents/footprint.ts";
import { round } from "../load/latencies.ts";
import { monotonicUs, pause } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import type { Aim, Chart, Figures } from "../result/model.ts";
import { World } from "../world/world.ts";
import { KINDS_OF_JOBS, MixedJobs } from "./agent-life-jobs.ts";
import type { Scenario } from "./scenario.ts";

const WORKSPACE = "load";
const SLOTS = 6;
/** Requests at the same time: the slots are never idle, and some jobs wait. */
const CLIENTS = 10;
/** After the last job of a round: folders are removed, sandboxes made anew, results acknowledged. */
const SETTLE_MS = 3000;

interface Form {
  readonly jobsOfRound: number;
  readonly rounds: number;
  /** Before the first rest: code is compiled, caches fill up. */
  readonly roundsBefore: number;
  /**
   * After it the agent waits for work like a new one: a dedicated process is gone after five minutes, a query helper after two, and of the
   * interpreters that fifty starts a second made it keep one of each kind is left (demand.ts).
   */
  readonly restMs: number;
}

const LONG: Form = { jobsOfRound: 500, rounds: 200, roundsBefore: 6, restMs: 600_000 };
const SHORT: Form = { jobsOfRound: 200, rounds: 6, roundsBefore: 1, restMs: SETTLE_MS };

const AIMS: readonly Aim[] = [
  { figure: "agent_life_memory_growth_ratio", kind: "at most", limit: 1.1, words: "4.8: memory of the agent between rounds, last fifth against first" },
  { figure: "agent_life_all_memory_growth_ratio", kind: "at most", limit: 1.1, words: "4.8: memory of the agent and all below it, at rest" },
  { figure: "agent_life_descriptors_more_count", kind: "at most", limit: 2, words: "4.8: descriptors more at rest" },
  { figure: "agent_life_processes_more_count", kind: "at most", limit: 1, words: "4.8: processes more at rest" },
  { figure: "agent_life_zombies_count", kind: "at most", limit: 0, words: "4.8: zombies at rest" },
  { figure: "agent_life_orphans_count", kind: "at most", limit: 0, words: "4.8: processes of jobs that have ended, after any round" },
  { figure: "agent_life_groups_more_count", kind: "at most", limit: 8, words: "4.8: control groups more at rest" },
  { figure: "agent_life_files_more_count", kind: "at most", limit: 5, words: "4.8: files more at rest, temporary ones included" },
];

/** What the idle agent held. */
interface Seen {
  readonly rounds: readonly Footprint[];
  readonly firstRest: Footprint;
  readonly lastRest: Footprint;
}

/** An agent lives for months in somebody else's network: what it holds must not grow with the jobs that it has run. */
export const agentLife: Scenario = {
  name: "agent-life",
  summary: "100,000 mixed jobs on one real agent: memory, descriptors, files and processes it holds when it is idle, over time",
  takes: { short: "1,200 jobs, a minute and a half", long: "100,000 jobs and two rests of ten minutes; --seconds ends it sooner" },
  async run(context) {
    const { short, seed, scope, say, seconds = Number.POSITIVE_INFINITY } = context;
    const form = short ? SHORT : LONG;
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    const temporary = join(world.folder, "tmp");
    mkdirSync(temporary, { mode: 0o755 });
    const agent = await world.realAgents(1, SLOTS, { noop: false }, { TMPDIR: temporary });
    const folders = [agentFolder(agent.pid), temporary];
    const jobs = new MixedJobs(world, WORKSPACE, seedFor(seed, 1));
    const startedUs = monotonicUs();
    const seen = await live({ jobs, form, seconds, say, look: () => footprintOf(agent.pid, folders) });
    const tookS = (monotonicUs() - startedUs) / 1e6;
    return {
      figures: { agent_life_jobs: jobs.count, agent_life_took_s: round(tookS), ...growth(seen) },
      aims: AIMS,
      charts: charts(seen.rounds, form.jobsOfRound),
      settings: {
        jobs: jobs.count,
        jobs_of_a_round: form.jobsOfRound,
        rounds_before_the_first_rest: form.roundsBefore,
        rest_s: form.restMs / 1000,
        slots: SLOTS,
        requests_at_a_time: CLIENTS,
        kinds_by_share: KINDS_OF_JOBS,
      },
      notes: [
        "At rest: the last rest against the first, which comes after the first rounds. Between rounds: medians of the rounds since the first rest.",
        "Files are those in the agent's data folder and in its folder for temporary files; memory of what is below the agent is what its processes have for themselves.",
      ],
      problems: jobs.problems.slice(0, 20),
    };
  },
};

interface Living {
  readonly jobs: MixedJobs;
  readonly form: Form;
  /** No further round when the last rest would end after so many. */
  readonly seconds: number;
  readonly say: (text: string) => void;
  readonly look: () => Footprint;
}

async function live({ jobs, form, seconds, say, look }: Living): Promise<Seen> {
  const beganUs = monotonicUs();
  const leftS = (): number => seconds - (monotonicUs() - beganUs) / 1e6 - form.restMs / 1000;
  const rest = async (): Promise<Footprint> => {
    say(`rests for ${form.restMs / 1000} s …`);
    await pause(form.restMs);
    const found = look();
    say(inWords("at rest", found));
    return found;
  };
  const runRound = async (number: number): Promise<Footprint> => {
    const startedUs = monotonicUs();
    await jobs.run(form.jobsOfRound, CLIENTS);
    const tookS = (monotonicUs() - startedUs) / 1e6;
    await pause(SETTLE_MS);
    const found = look();
    say(inWords(`round ${number} of ${form.rounds}: ${jobs.count} jobs, the last ${form.jobsOfRound} in ${Math.round(tookS)} s`, found));
    return found;
  };
  for (let number = 1; number <= form.roundsBefore; number++) await runRound(number);
  const firstRest = await rest();
  const rounds: Footprint[] = [];
  for (let number = form.roundsBefore + 1; number <= form.rounds && (rounds.length === 0 || leftS() > 0); number++) rounds.push(await runRound(number));
  return { rounds, firstRest, lastRest: await rest() };
}

function inWords(when: string, found: Footprint): string {
  const { rssMb, belowMb, descriptors, processes, files, groups, orphans } = found;
  return `${when}: ${Math.round(rssMb)} MB, ${Math.round(belowMb)} MB below, ${descriptors} descriptors, ${processes} processes, ${files} files, ${groups} groups, ${orphans} orphans`;
}

/** Where it keeps things: the folder of the first of the agents in that process. */
function agentFolder(pid: number): string {
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  const data = environment.find((entry) => entry.startsWith("MILLRACE_AGENT_DATA_DIR="))?.split("=")[1];
  if (data === undefined) throw new Error("the agent has no data folder");
  return join(data, "0");
}

function growth({ rounds, firstRest, lastRest }: Seen): Figures {
  const fifth = Math.max(1, Math.floor(rounds.length / 5));
  const memoryOf = (of: readonly Footprint[]): number => of.map(({ rssMb }) => rssMb).sort((a, b) => a - b)[of.length >> 1] ?? Number.NaN;
  const [early, late] = [memoryOf(rounds.slice(0, fifth)), memoryOf(rounds.slice(-fifth))];
  const allMb = ({ rssMb, belowMb }: Footprint): number => rssMb + belowMb;
  const more = (pick: (one: Footprint) => number): number => pick(lastRest) - pick(firstRest);
  return {
    agent_life_memory_bytes: Math.round(late * 2 ** 20),
    agent_life_memory_growth_ratio: round(late / early),
    agent_life_all_memory_bytes: Math.round(allMb(lastRest) * 2 ** 20),
    agent_life_all_memory_growth_ratio: round(allMb(lastRest) / allMb(firstRest)),
    agent_life_descriptors_count: lastRest.descriptors,
    agent_life_descriptors_more_count: more((one) => one.descriptors),
    agent_life_threads_more_count: more((one) => one.threads),
    agent_life_processes_count: lastRest.processes,
    agent_life_processes_more_count: more((one) => one.processes),
    agent_life_zombies_count: lastRest.zombies,
    agent_life_orphans_count: Math.max(...[...rounds, firstRest, lastRest].map((one) => one.orphans)),
    agent_life_groups_count: lastRest.groups,
    agent_life_groups_more_count: more((one) => one.groups),
    agent_life_files_count: lastRest.files,
    agent_life_files_more_count: more((one) => one.files),
    agent_life_mounts_more_count: more((one) => one.mounts),
  };
}

function charts(rounds: readonly Footprint[], jobs: number): Chart[] {
  const line = (name: string, pick: (one: Footprint) => number) => ({ name, points: rounds.map((one, at) => [(at + 1) * jobs, pick(one)] as const) });
  return [
    {
      kind: "time",
      title: "Memory of the idle agent",
      xTitle: "jobs run since the first rest",
      yTitle: "memory (MB)",
      lines: [line("agent, resident", (one) => one.rssMb), line("below it", (one) => one.belowMb)],
    },
    {
      kind: "time",
      title: "What the idle agent holds",
      xTitle: "jobs run since the first rest",
      yTitle: "count",
      lines: [line("descriptors", (one) => one.descriptors), line("processes", (one) => one.processes), line("files", (one) => one.files)],
    },
  ];
}
