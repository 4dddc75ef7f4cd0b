import { latencyFigures, round } from "../load/latencies.ts";
import { seedFor } from "../load/random.ts";
import { costs, latenciesOf, runStage } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { latencyOverTime, percentileChart } from "./charts.ts";
import type { Scenario } from "./scenario.ts";
import { noopJobs, poisson } from "./sources.ts";

const EXPONENT = 1.1;
const BATCH = 5;
const [HEAD, MIDDLE, TAIL] = [0, 1, 2] as const;

/** Very many workspaces of very different size: the small ones must not pay for the large ones. */
export const manyTenants: Scenario = {
  name: "many-tenants",
  summary: "1,000 workspaces with Zipf-shared load: dispatch of the largest, of the next nineteen, of all others; commits and statements per job",
  takes: { short: "200 workspaces, 20 s", long: "1,000 workspaces, 2 minutes" },
  async run(context) {
    const { short, seed, scope } = context;
    const [count, perS, seconds] = short ? [200, 1500, 6] : [1000, 3000, 60];
    const [agents, slots] = [context.agents ?? 16, context.slots ?? 32];
    const world = await World.start(scope, { seed, postgresSettings: { shared_preload_libraries: "pg_stat_statements" } });
    const names = Array.from({ length: count }, (_, at) => `tenant-${at}`);
    context.say(`${count} workspaces …`);
    await world.workspaces(names);
    const sources = names.map((_, rank) => (rank === 0 ? HEAD : rank < 20 ? MIDDLE : TAIL));
    const stage = await runStage({
      world,
      agents,
      slots,
      warmUpMs: short ? 2000 : 5000,
      measureMs: (context.seconds ?? seconds) * 1000,
      sources: (times) => [
        {
          ...noopJobs(times, { workspace: "", batch: BATCH, pace: poisson(perS / BATCH), seed: seedFor(seed, 1) }),
          target: { kind: "zipf", workspaces: names, exponent: EXPONENT, sources },
        },
      ],
    });
    const [head, middle, tail] = [HEAD, MIDDLE, TAIL].map((source) => latenciesOf(stage.seen, [source]));
    if (head === undefined || middle === undefined || tail === undefined) throw new Error("three classes of tenants");
    const cost = costs(stage);
    return {
      figures: {
        tenants_jobs_per_s: round(cost.jobsPerS),
        ...latencyFigures("tenants_largest_dispatch", head),
        ...latencyFigures("tenants_next_19_dispatch", middle),
        ...latencyFigures("tenants_others_dispatch", tail),
        tenants_commits_per_job: round(cost.commitsPerJob),
        tenants_statements_per_job: round(cost.statementsPerJob),
        tenants_control_plane_us_per_job: round(cost.controlPlaneUsPerJob),
        tenants_lost_jobs: stage.audit.lost,
        tenants_twice_jobs: stage.audit.twice,
      },
      aims: [],
      charts: [
        percentileChart("Dispatch by size of the tenant", { "the largest": head, "the next nineteen": middle, "all others": tail }),
        latencyOverTime("Dispatch of all", stage.seen),
      ],
      settings: {
        workspaces: count,
        zipf_exponent: EXPONENT,
        jobs_per_s: perS,
        batch: BATCH,
        arrivals: "poisson",
        agents,
        slots_of_each: slots,
        agent_kind: "simulated",
        postgres: "with pg_stat_statements, which counts the statements",
      },
      problems: stage.problems,
    };
  },
};
