import { jainIndex } from "../load/jain.ts";
import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { seedFor } from "../load/random.ts";
import type { Chart, Figures } from "../result/model.ts";
import { runStage, type StageResult } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { pairs, percentileChart, rateChart, sampleChart } from "./charts.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { evenly, noopJobs, poisson } from "./sources.ts";

const NOISY = "noisy";
const CALM = "calm";
const BATCH = 500;
const CALM_PER_S = 50;
const NOISY_SOURCE = 0;
const CALM_SOURCE = 1;
const TENANTS = 8;
/** Slots that the equal tenants share. */
const SHARED = { agents: 4, slots: 20 } as const;
/** Half of the tenants have short jobs, half long ones: shares of worker time are equal, shares of jobs are not. */
const RUN_MS = [50, 125] as const;

/** One workspace floods the system; another one must not notice. And equal workspaces that all have a backlog share the workers. */
export const noisyNeighbour: Scenario = {
  name: "noisy-neighbour",
  summary: "A puts 100,000 jobs in a second beside B's trickle: B's dispatch latency; Jain's index over equal tenants",
  takes: { short: "30,000 jobs, 50 s", long: "100,000 jobs, a minute and a half" },
  async run(context) {
    const world = await World.start(context.scope, { seed: context.seed });
    const flood = await besideFlood(context, world);
    const shares = await equalTenants(context, world);
    return {
      figures: { ...flood.figures, ...shares.figures },
      aims: [
        { figure: "noisy_calm_during_p99_ms", kind: "at most", limit: 50, words: "3: B's dispatch p99 while A floods, ms" },
        { figure: "noisy_jain_index", kind: "at least", limit: 0.99, words: "3: Jain's index over equal tenants" },
      ],
      charts: [...flood.charts, ...shares.charts],
      settings: {
        noisy_jobs: flood.jobs,
        noisy_within_ms: 1000,
        noisy_batch: BATCH,
        calm_requests_per_s: CALM_PER_S,
        calm_arrivals: "poisson, single jobs",
        agents: context.agents ?? 8,
        slots_of_each: context.slots ?? 64,
        agent_kind: "simulated",
        tenants: TENANTS,
        tenant_run_ms: RUN_MS.join(" and "),
        tenant_slots: SHARED.agents * SHARED.slots,
      },
      problems: [...flood.stage.problems, ...shares.stage.problems],
      notes: ["During is from the first job of the flood until its last one was done; the second in which A enqueues is part of it."],
    };
  },
};

async function besideFlood(context: ScenarioContext, world: World): Promise<{ stage: StageResult; jobs: number; figures: Figures; charts: Chart[] }> {
  const { short, seed } = context;
  const [jobs, quietMs, longestMs] = short ? [30_000, 5000, 15_000] : [100_000, 15_000, 45_000];
  await world.workspaces([NOISY, CALM]);
  let floodUs = 0;
  const stage = await runStage({
    world,
    agents: context.agents ?? 8,
    slots: context.slots ?? 64,
    warmUpMs: 2000,
    measureMs: quietMs + longestMs,
    bucketMs: 250,
    sampled: [CALM_SOURCE],
    drainMs: 300_000,
    sources(times) {
      floodUs = times.fromUs + quietMs * 1000;
      const flood = { workspace: NOISY, source: NOISY_SOURCE, batch: BATCH, pace: evenly(jobs / BATCH), startUs: floodUs, forMs: 1000 } as const;
      return [
        noopJobs(times, { ...flood, seed: seedFor(seed, 1) }),
        noopJobs(times, { workspace: CALM, source: CALM_SOURCE, batch: 1, pace: poisson(CALM_PER_S), seed: seedFor(seed, 2) }),
      ];
    },
  });
  return { stage, jobs, ...describeFlood(stage, floodUs) };
}

/** B's latencies before, during and after A's flood. */
function describeFlood(stage: StageResult, floodUs: number): { figures: Figures; charts: Chart[] } {
  const { times, seen, load } = stage;
  const quietAgainUs = floodEndUs(stage, floodUs);
  const samples = seen.sources[CALM_SOURCE]?.samples ?? new Float64Array();
  const between = (fromUs: number, toUs: number): Latencies =>
    Latencies.of(pairs(samples).flatMap(({ atUs, us }) => (atUs >= fromUs && atUs < toUs ? [us] : [])));
  const during = between(floodUs, quietAgainUs);
  const [before, second, after] = [between(times.fromUs, floodUs), between(floodUs, floodUs + 1e6), between(quietAgainUs, times.toUs)];
  const marks = [
    { at: (floodUs - times.fromUs) / 1e6, label: "A begins" },
    { at: (quietAgainUs - times.fromUs) / 1e6, label: "A is drained" },
  ];
  return {
    figures: {
      ...latencyFigures("noisy_calm_before", before),
      ...latencyFigures("noisy_calm_during", during),
      ...latencyFigures("noisy_calm_first_second", second),
      ...latencyFigures("noisy_calm_after", after),
      noisy_calm_generator_lateness_p99_ms: round(Latencies.fromText(load.sources[CALM_SOURCE]?.lateness ?? new Latencies().toText()).percentileMs(99)),
      noisy_flood_accept_s: round(((load.sources[NOISY_SOURCE]?.lastAcceptedUs ?? 0) - floodUs) / 1e6),
      noisy_flood_drain_s: round((quietAgainUs - floodUs) / 1e6),
    },
    charts: [
      sampleChart("B's dispatch latency", samples, times.fromUs, marks),
      percentileChart("B's dispatch latency", { before, during, after }, { value: 50, label: "aim: 50 ms" }),
      rateChart("Jobs per second of both", seen, marks),
    ],
  };
}

/** When the flood was over: the end of the last stretch in which far more jobs ended than B sends. */
function floodEndUs({ times, seen, drainedUs }: StageResult, floodUs: number): number {
  const first = Math.max(0, Math.floor((floodUs - times.fromUs) / 1000 / seen.bucketMs));
  const busy = seen.buckets.findLastIndex((bucket, at) => at >= first && (bucket.ended * 1000) / seen.bucketMs > CALM_PER_S * 4);
  return busy < 0 ? drainedUs : Math.min(times.toUs, times.fromUs + (busy + 1) * seen.bucketMs * 1000);
}

/** Every tenant has more than it can get: what each one gets is worker time, whatever the length of its jobs. */
async function equalTenants(context: ScenarioContext, world: World): Promise<{ stage: StageResult; figures: Figures; charts: Chart[] }> {
  const seconds = context.short ? 5 : 20;
  const names = Array.from({ length: TENANTS }, (_, at) => `equal-${at}`);
  await world.workspaces(names);
  const slots = SHARED.agents * SHARED.slots;
  const runMs = (tenant: number): number => RUN_MS[tenant % RUN_MS.length] ?? RUN_MS[0];
  // What a tenant's share of the slots could run until the end of the window, and half as much again.
  const backlog = (tenant: number): number => Math.ceil((((seconds + 3) * 1000) / runMs(tenant)) * (slots / TENANTS) * 1.5);
  const stage = await runStage({
    world,
    ...SHARED,
    warmUpMs: 3000,
    measureMs: seconds * 1000,
    drainMs: 300_000,
    sources: (times) =>
      names.map((workspace, source) => {
        const pace = evenly(Math.ceil(backlog(source) / 100));
        return noopJobs(times, { workspace, source, batch: 100, sleepMs: runMs(source), pace, forMs: 1000, seed: seedFor(context.seed, 10 + source) });
      }),
  });
  const served = names.map((_, tenant) => (stage.seen.sources[tenant]?.servedMs ?? 0) / 1000);
  const jobs = names.map((_, tenant) => stage.seen.sources[tenant]?.ended ?? 0);
  return {
    stage,
    figures: {
      noisy_jain_index: round(jainIndex(served)),
      noisy_jain_least_share_ratio: round((Math.min(...served) * TENANTS) / served.reduce((sum, share) => sum + share, 0)),
      noisy_jain_worker_time_s: round(served.reduce((sum, share) => sum + share, 0)),
    },
    charts: [
      {
        kind: "bars",
        title: `Worker time of ${TENANTS} equal tenants that all had a backlog`,
        xTitle: "tenant, with the length of its jobs",
        yTitle: "worker time (s)",
        bars: served.map((value, tenant) => ({ label: `${tenant}: ${runMs(tenant)} ms`, value })),
      },
      {
        kind: "bars",
        title: "Jobs of the same tenants: those with short jobs get more of them done",
        xTitle: "tenant, with the length of its jobs",
        yTitle: "jobs in the window",
        bars: jobs.map((value, tenant) => ({ label: `${tenant}: ${runMs(tenant)} ms`, value })),
      },
    ],
  };
}
