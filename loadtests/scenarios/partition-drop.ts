import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { monotonicUs, untilUs } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import type { Measured } from "../result/model.ts";
import { daysAgo, dropDay, fillDay, readScripts } from "../world/history-store.ts";
import { connect } from "../world/postgres.ts";
import { runStage, type StageResult } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { pairs, percentileChart, sampleChart } from "./charts.ts";
import type { Scenario } from "./scenario.ts";
import { noopJobs, poisson } from "./sources.ts";

const WORKSPACE = "load";
const PER_S = 2000;
const BATCH = 20;
const SOURCE = 0;
const DAYS = [3, 4] as const;
/** A drop's later effects (the deletion of large files) belong to it. */
const AFTERMATH_US = 2_000_000;

/** Retention removes a day of history while jobs go through. */
export const partitionDrop: Scenario = {
  name: "partition-drop",
  summary: "DETACH CONCURRENTLY and DROP of a day of history under 2,000 jobs/s: how long dispatch stalls",
  takes: { short: "two days of 100,000 jobs, half a minute", long: "two days of 2 million jobs, 3 minutes" },
  async run(context) {
    const { short, seed, scope, say } = context;
    const rows = short ? 100_000 : 2_000_000;
    const [agents, slots] = [context.agents ?? 8, context.slots ?? 64];
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    const owners = (await readScripts(world.sql, WORKSPACE)).map((script) => ({ ...script, weight: 1 }));
    const days = DAYS.map((ago) => daysAgo(ago, Date.now()));
    for (const dayMs of days) {
      say(`filling ${new Date(dayMs).toISOString().slice(0, 10)}: ${rows} jobs …`);
      await fillDay(world.sql, { dayMs, rows, owners, healthyScript: "0", failedOneIn: 50 });
    }
    const drops: Drop[] = [];
    const [quietMs, gapMs] = short ? [3000, 5000] : [20_000, 30_000];
    const stage = await runStage({
      world,
      agents,
      slots,
      warmUpMs: short ? 2000 : 10_000,
      measureMs: quietMs + days.length * gapMs,
      bucketMs: 250,
      sampled: [SOURCE],
      sources: (times) => [noopJobs(times, { source: SOURCE, workspace: WORKSPACE, batch: BATCH, pace: poisson(PER_S / BATCH), seed: seedFor(seed, 1) })],
      async during({ fromUs }) {
        const keeper = await connect(scope, world.postgres.url);
        for (const [at, dayMs] of days.entries()) {
          await untilUs(fromUs + (quietMs + at * gapMs) * 1000);
          const begunUs = monotonicUs();
          await dropDay(keeper, dayMs);
          drops.push({ fromUs: begunUs, toUs: monotonicUs() });
        }
      },
    });
    const measured = describe(stage, drops);
    const settings = {
      rows_of_a_day: rows,
      days: days.length,
      jobs_per_s: PER_S,
      batch: BATCH,
      arrivals: "poisson",
      agents,
      slots_of_each: slots,
      agent_kind: "simulated",
    };
    return {
      ...measured,
      figures: { ...measured.figures, partition_drop_rows: rows },
      settings: { ...settings, dropped_by: "the scenario itself, with the statements that retention uses" },
    };
  },
};

interface Drop {
  readonly fromUs: number;
  readonly toUs: number;
}

function describe(stage: StageResult, drops: readonly Drop[]): Omit<Measured, "settings"> {
  const { fromUs } = stage.times;
  const samples = stage.seen.sources[SOURCE]?.samples ?? new Float64Array();
  const whileDropped = (atUs: number): boolean => drops.some((drop) => atUs >= drop.fromUs - 100_000 && atUs < drop.toUs + AFTERMATH_US);
  const latencies = (wanted: boolean): Latencies => Latencies.of(pairs(samples).flatMap(({ atUs, us }) => (whileDropped(atUs) === wanted ? [us] : [])));
  const [during, otherwise] = [latencies(true), latencies(false)];
  const marks = drops.map((drop) => ({ at: (drop.fromUs - fromUs) / 1e6, label: "drop" }));
  return {
    figures: {
      partition_drop_stall_ms: round(during.maxMs),
      ...latencyFigures("partition_drop_during", during),
      ...latencyFigures("partition_drop_otherwise", otherwise),
      partition_drop_longest_s: round(Math.max(...drops.map((drop) => drop.toUs - drop.fromUs)) / 1e6),
      partition_drop_lost_jobs: stage.audit.lost,
      partition_drop_twice_jobs: stage.audit.twice,
    },
    aims: [{ figure: "partition_drop_stall_ms", kind: "below", limit: 100, words: "7: longest dispatch while a partition is dropped, ms" }],
    charts: [
      sampleChart("Dispatch of each job", samples, fromUs, marks),
      percentileChart("Dispatch while a day is dropped, and otherwise", { during, otherwise }, { value: 100, label: "aim: 100 ms" }),
    ],
    problems: stage.problems,
  };
}
