import { round } from "../load/latencies.ts";
import { monotonicUs, pause, untilUs } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import { runStage, type StageResult } from "../world/stage.ts";
import { type Replica, World } from "../world/world.ts";
import { latencyOverTime, pairs, rateChart } from "./charts.ts";
import type { Scenario } from "./scenario.ts";
import { evenly, noopJobs } from "./sources.ts";

const WORKSPACES = 6;
const PER_S_EACH = 40;
const RUN_MS = 100;
/** Of one round: a planned stop, then a crash, each with time to get over it. */
const PLANNED_AT_MS = 4000;
const CRASH_AT_MS = 16_000;
const BACK_AT_MS = 33_000;
const ROUND_MS = 38_000;

interface Fault {
  readonly kind: "planned" | "crash";
  readonly atUs: number;
}

/** Two replicas: the owner is stopped in an orderly way, then one is killed. Dispatch must go on, and nothing be lost or done twice. */
export const failOver: Scenario = {
  name: "fail-over",
  summary: "two replicas under load: SIGTERM, then kill -9 of the owner; time until dispatch goes on, nothing lost or twice",
  takes: { short: "one round, 55 s", long: "five rounds, 4 minutes" },
  async run(context) {
    const { short, seed, scope } = context;
    const rounds = short ? 1 : 5;
    const [agents, slots] = [context.agents ?? 8, context.slots ?? 16];
    const world = await World.start(scope, { seed, replicas: 2, env: { MILLRACE_LOG_LEVEL: "silent" } });
    const names = Array.from({ length: WORKSPACES }, (_, at) => `load-${at}`);
    await world.workspaces(names);
    const faults: Fault[] = [];
    const stage = await runStage({
      world,
      agents,
      slots,
      warmUpMs: 2000,
      measureMs: rounds * ROUND_MS,
      bucketMs: 250,
      sampled: names.map((_, source) => source),
      connections: 64,
      // Not all in the same millisecond.
      sources: (times) =>
        names.map((workspace, source) => {
          const startUs = times.startUs + (source * 1e6) / PER_S_EACH / WORKSPACES;
          return noopJobs(times, { workspace, source, batch: 1, sleepMs: RUN_MS, pace: evenly(PER_S_EACH), startUs, seed: seedFor(seed, source) });
        }),
      async during({ fromUs }) {
        for (let at = 0; at < rounds; at++) await stopAndCrash(world, fromUs + at * ROUND_MS * 1000, faults);
      },
    });
    return {
      ...describe(stage, faults),
      settings: {
        replicas: 2,
        rounds,
        workspaces: WORKSPACES,
        jobs_per_s: WORKSPACES * PER_S_EACH,
        run_ms: RUN_MS,
        arrivals: "constant",
        agents,
        slots_of_each: slots,
        agent_kind: "simulated, with both addresses",
      },
    };
  },
};

async function stopAndCrash(world: World, fromUs: number, faults: Fault[]): Promise<void> {
  await untilUs(fromUs + PLANNED_AT_MS * 1000);
  const leaving = await owner(world);
  faults.push({ kind: "planned", atUs: monotonicUs() });
  await leaving.stop("SIGTERM");
  await pause(1000);
  await leaving.start("standby");
  await untilUs(fromUs + CRASH_AT_MS * 1000);
  const dying = await owner(world);
  faults.push({ kind: "crash", atUs: monotonicUs() });
  await dying.stop("SIGKILL");
  await untilUs(fromUs + BACK_AT_MS * 1000);
  await dying.start("standby");
}

/** A replica that takes jobs: with one owner it is that one. */
async function owner(world: World): Promise<Replica> {
  for (const replica of world.replicas) if (await replica.isReady()) return replica;
  throw new Error("no replica is ready");
}

function describe(stage: StageResult, faults: readonly Fault[]) {
  const gaps = (kind: Fault["kind"]): number[] =>
    faults.flatMap((fault, at) => (fault.kind === kind ? [longestGapMs(stage, fault.atUs, faults[at + 1]?.atUs ?? stage.times.toUs)] : []));
  const [planned, crash] = [gaps("planned"), gaps("crash")];
  const marks = faults.map((fault) => ({ at: (fault.atUs - stage.times.fromUs) / 1e6, label: fault.kind === "planned" ? "SIGTERM" : "kill -9" }));
  return {
    figures: {
      failover_planned_stall_ms: round(Math.max(...planned)),
      failover_crash_stall_s: round(Math.max(...crash) / 1000),
      failover_planned_count: planned.length,
      failover_crash_count: crash.length,
      failover_accepted_jobs: stage.audit.accepted,
      failover_lost_jobs: stage.audit.lost,
      failover_twice_jobs: stage.audit.twice,
      failover_started_again_jobs: stage.audit.startedAgain,
      failover_refused_ends_count: stage.seen.stale,
      failover_repeated_requests: Object.values(stage.load.sources).reduce((sum, source) => sum + source.repeatedRequests, 0),
    },
    aims: [
      { figure: "failover_crash_stall_s", kind: "at most" as const, limit: 12, words: "6: dispatch goes on after a crash within, s" },
      { figure: "failover_planned_stall_ms", kind: "below" as const, limit: 300, words: "6: planned hand-over stalls dispatch for, ms" },
      { figure: "failover_lost_jobs", kind: "at most" as const, limit: 0, words: "6: acknowledged jobs lost" },
      { figure: "failover_twice_jobs", kind: "at most" as const, limit: 0, words: "6: jobs ended twice" },
    ],
    charts: [rateChart("Jobs per second through stops and crashes", stage.seen, marks), latencyOverTime("Dispatch latency", stage.seen, marks)],
    problems: stage.problems,
    notes: [
      `A stall is the longest time in which one of the ${WORKSPACES} workspaces got no assignment at all; ${1000 / PER_S_EACH} ms of it is the distance of its jobs. Refused requests are repeated at a replica that says it is ready.`,
    ],
  };
}

/** The longest time without an arrival of any one source that ends between two moments; one that never ends counts up to the second. */
function longestGapMs({ seen }: StageResult, fromUs: number, toUs: number): number {
  let longest = 0;
  for (const source of Object.values(seen.sources)) {
    const arrivals = pairs(source.samples)
      .map(({ atUs, us }) => atUs + us)
      .sort((a, b) => a - b);
    for (const [at, arrivedUs] of arrivals.entries()) {
      const before = arrivals[at - 1];
      if (before !== undefined && arrivedUs > fromUs && arrivedUs <= toUs) longest = Math.max(longest, arrivedUs - before);
    }
    const last = arrivals.at(-1);
    if (last === undefined || last < fromUs) longest = Math.max(longest, toUs - (last ?? fromUs));
  }
  return longest / 1000;
}
