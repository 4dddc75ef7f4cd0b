import { round } from "../load/latencies.ts";
import { Load } from "../load/load.ts";
import { monotonicUs, pause } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import { PEERS, TUNED_PEERS } from "../peers/drivers.ts";
import { lifecycle, measurePeers } from "../peers/peers.ts";
import { peerRatios } from "../peers/ratios.ts";
import type { Aim, Figures, Measured } from "../result/model.ts";
import { Scope } from "../world/scope.ts";
import { answersOf, costs, latenciesOf, runStage, type StageResult } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { countJobs, readSizes } from "../world/world-store.ts";
import { latencyOverTime, percentileChart, rateChart } from "./charts.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { noopJobs } from "./sources.ts";

const WORKSPACE = "load";
const BATCH = 250;
const REQUESTS = 8;
const BACKLOG = 4000;
const PACE = { kind: "closed", requests: REQUESTS, backlog: BACKLOG } as const;
/** As many slots in all as in `agents-sweep`. With 512 in all the system waits for slots, while a fifth of both cores is idle. */
const AGENTS = 8;
const SLOTS = 150;
/** With these, more in all than jobs are under way: each is assigned as it comes, and none is written as one that waits. */
const ROOMY_SLOTS = 600;
const SIZES_EVERY_MS = 2000;

/** The whole life of jobs at full speed: enqueue over HTTP, fair pick, gRPC agents, history. */
export const sustained: Scenario = {
  name: "sustained",
  summary: "full lifecycle at full speed: jobs/s, WAL and commits per job, table sizes; the peers' lifecycle in the same run",
  takes: { short: "a minute and a half with peers, 25 s without", long: "7 minutes, and about 6 for four peers" },
  async run(context) {
    const { short, say } = context;
    const world = new Scope();
    context.scope.defer(() => world.close());
    const ours = await measureOurs(context, world);
    const roomy = await withRoom(context, ours.world);
    const agentProgram = await withAgentProgram(context, ours.world);
    await world.close();
    const options = short ? { jobs: 20_000, steadyMs: 4000 } : { jobs: 200_000, steadyMs: 60_000 };
    const peers = context.peers
      ? await measurePeers(PEERS, context.scope, say, (turn) => lifecycle(turn, { ...options, batch: 500, callers: 4, backlog: 20_000 }))
      : {};
    const { measured } = ours;
    // Of us, too, the better of two ways counts.
    const jobsPerS = Math.max(ours.jobsPerS, roomy.jobsPerS);
    return {
      ...measured,
      figures: { ...measured.figures, ...roomy.figures, ...agentProgram.figures, ...peerRatios(jobsPerS, peers, TUNED_PEERS) },
      aims: [...measured.aims, ...(context.peers ? [PEER_AIM] : [])],
      peers,
      problems: [...measured.problems, ...roomy.problems, ...agentProgram.problems],
    };
  },
};

async function measureOurs(context: ScenarioContext, scope: Scope): Promise<{ measured: Measured; jobsPerS: number; world: World }> {
  const { short, seed } = context;
  const [agents, slots, seconds] = [context.agents ?? AGENTS, context.slots ?? SLOTS, context.seconds ?? (short ? 10 : 300)];
  const world = await World.start(scope, { seed });
  await world.workspaces([WORKSPACE]);
  const sizes: { atS: number; hotBytes: number; historyBytes: number }[] = [];
  const stage = await runStage({
    world,
    agents,
    slots,
    warmUpMs: short ? 3000 : 10_000,
    measureMs: seconds * 1000,
    sources: (times) => [noopJobs(times, { workspace: WORKSPACE, batch: BATCH, pace: PACE, seed: seedFor(seed, 1) })],
    async during({ fromUs, toUs }) {
      while (monotonicUs() < toUs) {
        sizes.push({ atS: (monotonicUs() - fromUs) / 1e6, ...(await readSizes(world.sql)) });
        await pause(SIZES_EVERY_MS);
      }
    },
  });
  const cost = costs(stage);
  const settings = {
    agents,
    slots_of_each: slots,
    slots_of_each_with_room: ROOMY_SLOTS,
    agent_kind: "simulated",
    seconds,
    batch: BATCH,
    requests_at_a_time: REQUESTS,
    backlog_jobs: BACKLOG,
    workspaces: 1,
  };
  return { measured: { ...describe(short, stage, sizes), settings }, jobsPerS: cost.jobsPerS, world };
}

/** The same, with agents that have room for all jobs under way. */
async function withRoom({ short, seed }: ScenarioContext, world: World): Promise<{ figures: Figures; jobsPerS: number; problems: readonly string[] }> {
  const stage = await runStage({
    world,
    agents: AGENTS,
    slots: ROOMY_SLOTS,
    warmUpMs: short ? 2000 : 5000,
    measureMs: short ? 6000 : 60_000,
    sources: (times) => [noopJobs(times, { workspace: WORKSPACE, batch: BATCH, pace: PACE, seed: seedFor(seed, 2) })],
  });
  const cost = costs(stage);
  const figures = {
    sustained_with_room_jobs_per_s: round(cost.jobsPerS),
    sustained_with_room_wal_bytes_per_job: round(cost.walBytesPerJob),
    sustained_with_room_control_plane_us_per_job: round(cost.controlPlaneUsPerJob),
    sustained_with_room_postgres_us_per_job: round(cost.postgresUsPerJob),
  };
  return { figures, jobsPerS: cost.jobsPerS, problems: stage.problems };
}

/** Vacuum comes every ten seconds: a short run ends before sizes can level off. */
function aimsFor(short: boolean): Aim[] {
  return [
    { figure: "sustained_jobs_per_s", kind: "at least", limit: 12_000, words: "1: full lifecycle, jobs/s" },
    { figure: "sustained_wal_bytes_per_job", kind: "at most", limit: 2048, words: "1: WAL of a job, bytes" },
    { figure: "sustained_commits_per_job", kind: "below", limit: 0.02, words: "1: commits of a job" },
    ...(short
      ? []
      : [{ figure: "sustained_hot_tables_growth_ratio", kind: "at most", limit: 1.25, words: "1: hot tables level off, second half against first" } as const]),
  ];
}

const PEER_AIM: Aim = { figure: "sustained_best_peer_ratio", kind: "at least", limit: 1.5, words: "1: against the fastest peer's lifecycle" };

function describe(short: boolean, stage: StageResult, sizes: readonly { atS: number; hotBytes: number; historyBytes: number }[]): Omit<Measured, "settings"> {
  const cost = costs(stage);
  const inWindow = sizes.filter(({ atS }) => atS >= 0);
  const half = inWindow.filter(({ atS }) => atS >= cost.seconds / 2);
  // The largest of the first half against the largest of the second: tables that grow without end double.
  const largest = (part: typeof sizes): number => part.reduce((most, { hotBytes }) => Math.max(most, hotBytes), 0);
  const firstHalf = largest(inWindow.filter(({ atS }) => atS < cost.seconds / 2));
  const answers = answersOf(stage.load);
  const figures = {
    sustained_jobs_per_s: round(cost.jobsPerS),
    sustained_window_s: round(cost.seconds),
    sustained_ended_jobs: cost.jobs,
    sustained_wal_bytes_per_job: round(cost.walBytesPerJob),
    sustained_commits_per_job: round(cost.commitsPerJob),
    sustained_control_plane_cores: round(cost.controlPlaneCores),
    sustained_postgres_cores: round(cost.postgresCores),
    sustained_control_plane_us_per_job: round(cost.controlPlaneUsPerJob),
    sustained_postgres_us_per_job: round(cost.postgresUsPerJob),
    sustained_hot_tables_end_bytes: inWindow.at(-1)?.hotBytes ?? 0,
    sustained_hot_tables_growth_ratio: firstHalf === 0 ? 0 : round(largest(half) / firstHalf),
    sustained_history_end_bytes: inWindow.at(-1)?.historyBytes ?? 0,
    sustained_answer_p99_ms: round(answers.percentileMs(99)),
    sustained_lost_jobs: stage.audit.lost,
    sustained_twice_jobs: stage.audit.twice,
  };
  return {
    figures,
    aims: aimsFor(short),
    charts: [
      rateChart("Jobs per second", stage.seen),
      latencyOverTime("Dispatch latency at full load (the backlog is part of it)", stage.seen),
      percentileChart("From request to answer, and to assignment", { answered: answers, assigned: latenciesOf(stage.seen) }),
      {
        kind: "time",
        title: "Size of the hot tables, indexes and dead rows included",
        xTitle: "time (s)",
        yTitle: "size (MiB)",
        lines: [{ name: "job_pending and job_running", points: sizes.map(({ atS, hotBytes }) => [atS, hotBytes / 2 ** 20] as const) }],
      },
    ],
    problems: stage.problems,
    notes: [
      "A closed loop: as many jobs as the system takes, with a bounded backlog. Latencies here are those of a full system; for dispatch see idle-latency and agents-sweep.",
    ],
  };
}

/** The same with the agent program itself, whose journal on disk costs what it costs people. Its ends are counted by the server. */
async function withAgentProgram(context: ScenarioContext, world: World): Promise<{ figures: Figures; problems: string[] }> {
  const [warmUpMs, measureMs] = context.short ? [2000, 4000] : [5000, 30_000];
  const agents = await world.realAgents(context.agents ?? AGENTS, context.slots ?? SLOTS, { noop: true });
  const begunMs = Date.now();
  const startEnded = await world.metric("millrace_jobs_ended_total");
  const load = await Load.start(world.scope);
  const ends = setInterval(
    () =>
      void world.metric("millrace_jobs_ended_total").then(
        (ended) => load.endedAre(ended - startEnded),
        () => undefined,
      ),
    50,
  );
  const startUs = monotonicUs() + 100_000;
  const source = noopJobs(
    { startUs, fromUs: startUs, toUs: startUs + (warmUpMs + measureMs) * 1000 },
    { workspace: WORKSPACE, batch: BATCH, pace: PACE, seed: 1 },
  );
  const running = load.run({ bases: world.bases, token: world.token, connections: REQUESTS, measureFromUs: startUs, sources: [source] });
  await pause(100 + warmUpMs);
  const from = await world.counters();
  await pause(measureMs);
  const to = await world.counters();
  const { acceptedJobs } = await running;
  for (const endUs = monotonicUs() + 60_000_000; monotonicUs() < endUs; await pause(50))
    if ((await world.metric("millrace_jobs_ended_total")) - startEnded >= acceptedJobs) break;
  clearInterval(ends);
  const after = await countJobs(world.sql, begunMs);
  await agents.stop("SIGTERM");
  const missing = acceptedJobs - after.done;
  return {
    figures: { sustained_agent_program_jobs_per_s: round(((to.endedJobs - from.endedJobs) * 1e6) / (to.atUs - from.atUs)) },
    problems:
      missing > 0 || after.open > 0
        ? [`with the agent program ${missing} of ${acceptedJobs} accepted jobs are not in the history, ${after.open} are open`]
        : [],
  };
}
