import { round } from "../load/latencies.ts";
import { monotonicUs, pause, untilUs } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import type { Measured } from "../result/model.ts";
import { connect } from "../world/postgres.ts";
import { runStage, type StageResult, type Times } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { readSizes } from "../world/world-store.ts";
import { latencyOverTime, rateChart } from "./charts.ts";
import type { Scenario } from "./scenario.ts";
import { noopJobs } from "./sources.ts";

const WORKSPACE = "load";

/** A transaction that stays open keeps dead rows from being removed. The queue must not slow down much. */
interface Spans {
  readonly beforeMs: number;
  readonly heldMs: number;
  readonly afterMs: number;
  /** The end of the held time that is looked at by itself. */
  readonly lastMs: number;
  readonly lookMs: number;
}
const SHORT: Spans = { beforeMs: 6000, heldMs: 14_000, afterMs: 4000, lastMs: 5000, lookMs: 1000 };
const LONG: Spans = { beforeMs: 90_000, heldMs: 600_000, afterMs: 60_000, lastMs: 60_000, lookMs: 5000 };

/** A transaction that stays open keeps dead rows from being removed. The queue must not slow down much. */
export const heldSnapshot: Scenario = {
  name: "held-snapshot",
  summary: "an open REPEATABLE READ transaction for 10 minutes under full load: throughput with it against without",
  takes: { short: "14 s of it, 40 s", long: "10 minutes of it, 14 minutes" },
  async run(context) {
    const { short, seed, scope } = context;
    const spans = short ? SHORT : LONG;
    const [agents, slots] = [context.agents ?? 8, context.slots ?? 64];
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    const sizes: (readonly [number, number])[] = [];
    const stage = await runStage({
      world,
      agents,
      slots,
      warmUpMs: short ? 3000 : 20_000,
      measureMs: spans.beforeMs + spans.heldMs + spans.afterMs,
      sources: (times) => [noopJobs(times, { workspace: WORKSPACE, batch: 250, pace: { kind: "closed", requests: 8, backlog: 4000 }, seed: seedFor(seed, 1) })],
      async during(times) {
        await Promise.all([hold(world, times, spans), look(world, times, spans, sizes)]);
      },
    });
    const settings = {
      before_s: spans.beforeMs / 1000,
      held_s: spans.heldMs / 1000,
      after_s: spans.afterMs / 1000,
      agents,
      slots_of_each: slots,
      agent_kind: "simulated",
      batch: 250,
      backlog_jobs: 4000,
    };
    return { ...describe(stage, spans, sizes), settings };
  },
};

async function hold(world: World, { fromUs }: Times, { beforeMs, heldMs }: Spans): Promise<void> {
  const holder = await connect(world.scope, world.postgres.url);
  await untilUs(fromUs + beforeMs * 1000);
  await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  // The first query takes the snapshot.
  await holder.query("SELECT count(*) FROM workspace");
  await untilUs(fromUs + (beforeMs + heldMs) * 1000);
  await holder.query("COMMIT");
}

/** Sizes of the hot tables in MiB, by seconds of the window. */
async function look(world: World, { fromUs, toUs }: Times, { lookMs }: Spans, sizes: (readonly [number, number])[]): Promise<void> {
  for (; monotonicUs() < toUs; await pause(lookMs)) sizes.push([(monotonicUs() - fromUs) / 1e6, (await readSizes(world.sql)).hotBytes / 2 ** 20]);
}

function describe(stage: StageResult, { beforeMs, heldMs, afterMs, lastMs }: Spans, sizes: readonly (readonly [number, number])[]): Omit<Measured, "settings"> {
  const releasedMs = beforeMs + heldMs;
  const rate = (fromMs: number, toMs: number): number => {
    const part = stage.seen.buckets.slice(Math.ceil(fromMs / 1000), Math.floor(toMs / 1000));
    return part.reduce((sum, bucket) => sum + bucket.ended, 0) / part.length;
  };
  const [without, held, last] = [rate(0, beforeMs), rate(beforeMs, releasedMs), rate(releasedMs - lastMs, releasedMs)];
  const marks = [
    { at: beforeMs / 1000, label: "snapshot held" },
    { at: releasedMs / 1000, label: "released" },
  ];
  const hotTables = {
    kind: "time",
    title: "Size of the hot tables, dead rows included",
    xTitle: "time (s)",
    yTitle: "size (MiB)",
    lines: [{ name: "job_pending and job_running", points: sizes }],
    marks,
  } as const;
  return {
    figures: {
      snapshot_without_jobs_per_s: round(without),
      snapshot_held_jobs_per_s: round(held),
      snapshot_held_end_jobs_per_s: round(last),
      snapshot_after_jobs_per_s: round(rate(releasedMs, releasedMs + afterMs)),
      snapshot_held_ratio: round(held / without),
      snapshot_held_end_ratio: round(last / without),
      snapshot_largest_hot_tables_bytes: Math.round(Math.max(...sizes.map(([, mib]) => mib)) * 2 ** 20),
      snapshot_lost_jobs: stage.audit.lost,
      snapshot_twice_jobs: stage.audit.twice,
    },
    aims: [
      { figure: "snapshot_held_ratio", kind: "at least", limit: 0.8, words: "8: throughput over the whole time, with the snapshot against without" },
      { figure: "snapshot_held_end_ratio", kind: "at least", limit: 0.8, words: "8: throughput at the end of that time, against without" },
    ],
    charts: [rateChart("Jobs per second", stage.seen, marks), hotTables, latencyOverTime("Dispatch latency at full load", stage.seen, marks)],
    problems: stage.problems,
  };
}
