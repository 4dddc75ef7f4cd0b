import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { monotonicUs, untilUs, wallUs } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import type { Measured } from "../result/model.ts";
import { daysAgo, fillDay, readScripts } from "../world/history-store.ts";
import { type RetentionRound, RetentionTask } from "../world/retention.ts";
import { latenessOf, runStage, type StageResult } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { pairs, percentileChart, sampleChart } from "./charts.ts";
import type { Scenario } from "./scenario.ts";
import { noopJobs, poisson } from "./sources.ts";

const WORKSPACE = "load";
const PER_S = 2000;
const BATCH = 20;
const SOURCE = 0;
/** Both are past this retention, the shortest there is. */
const DAYS = [4, 3] as const;
const RETENTION_DAYS = 2;
/** The control plane looks for due tasks once a minute; a little more than that, since it does not look on the dot. */
const WITHIN_MS = 65_000;
/** A round's later effects (the deletion of large files) belong to it. */
const AFTERMATH_US = 2_000_000;

interface Spans {
  readonly rows: number;
  readonly warmUpMs: number;
  readonly quietMs: number;
  /** How long the round itself may take. */
  readonly roundMs: number;
}
const SHORT: Spans = { rows: 100_000, warmUpMs: 2000, quietMs: 3000, roundMs: 5000 };
const LONG: Spans = { rows: 2_000_000, warmUpMs: 10_000, quietMs: 20_000, roundMs: 60_000 };

/** Retention removes days of history while jobs go through. */
export const partitionDrop: Scenario = {
  name: "partition-drop",
  summary: "the control plane's own retention drops two days of history under 2,000 jobs/s: how long dispatch stalls",
  takes: { short: "two days of 100,000 jobs, a minute and a half", long: "two days of 2 million jobs, 4 minutes" },
  async run(context) {
    const { seed, scope, say } = context;
    const spans = context.short ? SHORT : LONG;
    const [agents, slots] = [context.agents ?? 8, context.slots ?? 64];
    const world = await World.start(scope, { seed, env: { MILLRACE_RETENTION_DAYS: String(RETENTION_DAYS) } });
    const retention = await RetentionTask.takeOver(scope, world.postgres.url, world.sql);
    await world.workspaces([WORKSPACE]);
    const owners = (await readScripts(world.sql, WORKSPACE)).map((script) => ({ ...script, weight: 1 }));
    const days = DAYS.map((ago) => daysAgo(ago, Date.now()));
    for (const dayMs of days) {
      say(`filling ${new Date(dayMs).toISOString().slice(0, 10)}: ${spans.rows} jobs …`);
      await fillDay(world.sql, { dayMs, rows: spans.rows, owners, healthyScript: "0", failedOneIn: 50 });
    }
    let found: RetentionRound | undefined;
    const stage = await runStage({
      world,
      agents,
      slots,
      warmUpMs: spans.warmUpMs,
      measureMs: spans.quietMs + WITHIN_MS + spans.roundMs,
      bucketMs: 250,
      sampled: [SOURCE],
      sources: (times) => [noopJobs(times, { source: SOURCE, workspace: WORKSPACE, batch: BATCH, pace: poisson(PER_S / BATCH), seed: seedFor(seed, 1) })],
      async during({ fromUs }) {
        await untilUs(fromUs + spans.quietMs * 1000);
        await retention.runSoon();
        found = await retention.gone(days, WITHIN_MS + spans.roundMs);
      },
    });
    if (found === undefined) throw new Error("retention had no round");
    const measured = describe(stage, found);
    const settings = {
      rows_of_a_day: spans.rows,
      days: days.length,
      retention_days: RETENTION_DAYS,
      jobs_per_s: PER_S,
      batch: BATCH,
      arrivals: "poisson",
      agents,
      slots_of_each: slots,
      agent_kind: "simulated",
      dropped_by: "the control plane: its task of housekeeping, made due by the run",
    };
    return { ...measured, figures: { ...measured.figures, partition_drop_rows: spans.rows }, settings };
  },
};

function describe(stage: StageResult, { daysFromMs, endedMs }: RetentionRound): Omit<Measured, "settings"> {
  const { fromUs } = stage.times;
  const samples = stage.seen.sources[SOURCE]?.samples ?? new Float64Array();
  // The records of retention are in wall clock.
  const monotonicOf = (ms: number): number => ms * 1000 - (wallUs() - monotonicUs());
  const [begunUs, endedUs] = [monotonicOf(Math.min(...daysFromMs)), monotonicOf(endedMs)];
  const isDuring = (atUs: number): boolean => atUs >= begunUs - 100_000 && atUs < endedUs + AFTERMATH_US;
  const latencies = (wanted: boolean): Latencies => Latencies.of(pairs(samples).flatMap(({ atUs, us }) => (isDuring(atUs) === wanted ? [us] : [])));
  const [during, otherwise] = [latencies(true), latencies(false)];
  const marks = daysFromMs.map((ms) => ({ at: (monotonicOf(ms) - fromUs) / 1e6, label: "drop" }));
  return {
    figures: {
      partition_drop_stall_ms: round(during.maxMs),
      ...latencyFigures("partition_drop_during", during),
      ...latencyFigures("partition_drop_otherwise", otherwise),
      partition_drop_round_s: round((endedUs - begunUs) / 1e6),
      partition_drop_generator_lateness_p99_ms: round(latenessOf(stage.load).percentileMs(99)),
      partition_drop_lost_jobs: stage.audit.lost,
      partition_drop_twice_jobs: stage.audit.twice,
    },
    aims: [{ figure: "partition_drop_stall_ms", kind: "below", limit: 100, words: "7: longest dispatch while partitions are dropped, ms" }],
    charts: [
      sampleChart("Dispatch of each job", samples, fromUs, marks),
      percentileChart("Dispatch while days are dropped, and otherwise", { during, otherwise }, { value: 100, label: "aim: 100 ms" }),
    ],
    problems: stage.problems,
  };
}
