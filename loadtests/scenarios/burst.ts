import { round } from "../load/latencies.ts";
import { seedFor } from "../load/random.ts";
import { answersOf, latenciesOf, runStage } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { percentileChart, rateChart } from "./charts.ts";
import type { Scenario } from "./scenario.ts";
import { evenly, noopJobs } from "./sources.ts";

const WORKSPACE = "load";
const BATCH = 500;
const WITHIN_MS = 1000;

/** Very many jobs of one workspace in a second: how long until all are accepted, and until all are done. */
export const burst: Scenario = {
  name: "burst",
  summary: "100,000 jobs of one workspace in one second: time to accept, time to drain",
  takes: { short: "30,000 jobs, half a minute", long: "100,000 jobs, half a minute" },
  async run(context) {
    const { short, seed, scope } = context;
    const jobs = short ? 30_000 : 100_000;
    const [agents, slots] = [context.agents ?? 8, context.slots ?? 64];
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    const stage = await runStage({
      world,
      agents,
      slots,
      warmUpMs: 0,
      measureMs: WITHIN_MS,
      bucketMs: 250,
      drainMs: 300_000,
      sources: (times) => [
        noopJobs(times, { workspace: WORKSPACE, batch: BATCH, pace: evenly(jobs / BATCH / (WITHIN_MS / 1000)), forMs: WITHIN_MS, seed: seedFor(seed, 1) }),
      ],
    });
    const load = stage.load.sources[0];
    const [acceptS, drainS] = [((load?.lastAcceptedUs ?? 0) - stage.times.startUs) / 1e6, (stage.drainedUs - stage.times.startUs) / 1e6];
    const answers = answersOf(stage.load);
    return {
      figures: {
        burst_accepted_jobs: stage.audit.accepted,
        burst_accept_s: round(acceptS),
        burst_drain_s: round(drainS),
        burst_drain_jobs_per_s: round(stage.audit.accepted / drainS),
        burst_answer_p99_ms: round(answers.percentileMs(99)),
        burst_repeated_requests: load?.repeatedRequests ?? 0,
        burst_lost_jobs: stage.audit.lost,
        burst_twice_jobs: stage.audit.twice,
      },
      aims: [],
      charts: [
        rateChart("Jobs per second", stage.seen),
        percentileChart("From request to answer, and to assignment", { answered: answers, assigned: latenciesOf(stage.seen) }),
      ],
      settings: { jobs, within_ms: WITHIN_MS, batch: BATCH, agents, slots_of_each: slots, agent_kind: "simulated" },
      problems: stage.problems,
      notes: ["A request that was refused (503) is sent again after 50 ms; its time runs from when it was first due."],
    };
  },
};
