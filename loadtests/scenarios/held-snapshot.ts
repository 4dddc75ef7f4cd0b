import { round } from "../load/latencies.ts";
import { monotonicUs, pause, untilUs } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import { connect } from "../world/postgres.ts";
import { runStage } from "../world/stage.ts";
import { NOOP_SCRIPT, World } from "../world/world.ts";
import { readSizes } from "../world/world-store.ts";
import { latencyOverTime, rateChart } from "./charts.ts";
import type { Scenario } from "./scenario.ts";

const WORKSPACE = "load";

/** A transaction that stays open keeps dead rows from being removed. The queue must not slow down much. */
export const heldSnapshot: Scenario = {
  name: "held-snapshot",
  summary: "an open REPEATABLE READ transaction for 10 minutes under full load: throughput with it against without",
  takes: { short: "20 s of it, 45 s", long: "10 minutes of it, 14 minutes" },
  async run(context) {
    const { short, seed, scope } = context;
    const [beforeMs, heldMs, afterMs] = short ? [6000, 14_000, 4000] : [90_000, 600_000, 60_000];
    const [agents, slots] = [context.agents ?? 8, context.slots ?? 64];
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    const sizes: (readonly [number, number])[] = [];
    const stage = await runStage({
      world,
      agents,
      slots,
      warmUpMs: short ? 3000 : 20_000,
      measureMs: beforeMs + heldMs + afterMs,
      sources: ({ startUs, toUs }) => [
        {
          source: 0,
          target: { kind: "one", workspace: WORKSPACE },
          script: NOOP_SCRIPT,
          batch: 250,
          sleepMs: 0,
          pace: { kind: "closed", requests: 8, backlog: 4000 },
          startUs,
          forMs: (toUs - startUs) / 1000,
          seed: seedFor(seed, 1),
        },
      ],
      async during({ fromUs, toUs }) {
        const look = (async () => {
          for (; monotonicUs() < toUs; await pause(short ? 1000 : 5000))
            sizes.push([(monotonicUs() - fromUs) / 1e6, (await readSizes(world.sql)).hotBytes / 2 ** 20]);
        })();
        const holder = await connect(scope, world.postgres.url);
        await untilUs(fromUs + beforeMs * 1000);
        await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
        // The first query takes the snapshot.
        await holder.query("SELECT count(*) FROM workspace");
        await untilUs(fromUs + (beforeMs + heldMs) * 1000);
        await holder.query("COMMIT");
        await look;
      },
    });
    const { buckets } = stage.seen;
    const rate = (fromMs: number, toMs: number): number => {
      const part = buckets.slice(Math.ceil(fromMs / 1000), Math.floor(toMs / 1000));
      return part.reduce((sum, bucket) => sum + bucket.ended, 0) / part.length;
    };
    const lastMs = short ? 5000 : 60_000;
    const [without, held, last, after] = [
      rate(0, beforeMs),
      rate(beforeMs, beforeMs + heldMs),
      rate(beforeMs + heldMs - lastMs, beforeMs + heldMs),
      rate(beforeMs + heldMs, beforeMs + heldMs + afterMs),
    ];
    const marks = [
      { at: beforeMs / 1000, label: "snapshot held" },
      { at: (beforeMs + heldMs) / 1000, label: "released" },
    ];
    return {
      figures: {
        snapshot_without_jobs_per_s: round(without),
        snapshot_held_jobs_per_s: round(held),
        snapshot_held_end_jobs_per_s: round(last),
        snapshot_after_jobs_per_s: round(after),
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
      charts: [
        rateChart("Jobs per second", stage.seen, marks),
        {
          kind: "time",
          title: "Size of the hot tables, dead rows included",
          xTitle: "time (s)",
          yTitle: "size (MiB)",
          lines: [{ name: "job_pending and job_running", points: sizes }],
          marks,
        },
        latencyOverTime("Dispatch latency at full load", stage.seen, marks),
      ],
      settings: {
        before_s: beforeMs / 1000,
        held_s: heldMs / 1000,
        after_s: afterMs / 1000,
        agents,
        slots_of_each: slots,
        agent_kind: "simulated",
        batch: 250,
        backlog_jobs: 4000,
      },
      problems: stage.problems,
    };
  },
};
