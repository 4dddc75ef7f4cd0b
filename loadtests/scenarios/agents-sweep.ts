import { type Latencies, latencyFigures, round } from "../load/latencies.ts";
import { monotonicUs, pause } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import type { Aim, Chart, Figures } from "../result/model.ts";
import { costs, latenciesOf, runStage, type StageOptions, type StageResult } from "../world/stage.ts";
import { Standstills } from "../world/standstill.ts";
import { World } from "../world/world.ts";
import { percentileChart } from "./charts.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { noopJobs, poisson } from "./sources.ts";

const WORKSPACE = "load";
const ALL_SLOTS = 1200;
const PER_S = 4000;
/** Jobs of one request of the open loop: single ones would measure the HTTP server. */
const OPEN_BATCH = 20;
const FLAT_OUT = { batch: 250, pace: { requests: 8, backlog: 4000 } } as const;
/** Of the stage before those that count. */
const SETTLING_AGENTS = 32;

interface Step {
  readonly agents: number;
  readonly open: StageResult;
  readonly flatOut: StageResult;
  readonly latencies: Latencies;
  /** Most jobs that waited at any look during the open loop. */
  readonly deepest: number;
  /** The longest time that the whole machine stood still during it. */
  readonly stoodMs: number;
}

/** The same slots on few and on many agents: what more agents cost. */
export const agentsSweep: Scenario = {
  name: "agents-sweep",
  summary: "2, 8, 32, 128, 600 agents with 1,200 slots in all: dispatch at 4,000 jobs/s, then flat out with what a job costs",
  takes: { short: "2, 128 and 600 agents, a minute", long: "6 minutes" },
  async run(context) {
    const { short, seed, scope, say } = context;
    const world = await World.start(scope, { seed, postgresSettings: { shared_preload_libraries: "pg_stat_statements" } });
    await world.workspaces([WORKSPACE]);
    const standstills = Standstills.watch(scope);
    // A database that has just been made is quicker than one at work: no checkpoints, no vacuum, small tables. Nobody gets that bonus.
    say("settling …");
    await settle(context, world);
    const steps: Step[] = [];
    for (const agents of short ? [2, 128, 600] : [2, 8, 32, 128, 600]) {
      say(`${agents} agents …`);
      steps.push(await measure(context, world, standstills, agents));
    }
    return {
      figures: { ...Object.assign({}, ...steps.map(figuresOf)), ...spread(steps) },
      aims: aims(),
      charts: charts(steps),
      settings: {
        slots: ALL_SLOTS,
        open_loop_jobs_per_s: PER_S,
        open_loop_batch: OPEN_BATCH,
        open_loop_arrivals: "poisson",
        flat_out_batch: FLAT_OUT.batch,
        flat_out_backlog_jobs: FLAT_OUT.pace.backlog,
        agent_kind: "simulated, all in one process: their own cost is not in ours",
        postgres: "with pg_stat_statements, which counts the statements",
      },
      notes: [
        "The machine stood still: the longest time in the open loop in which a process of highest priority that only looks at the clock was not run; 0 below 20 ms. Everybody's latencies are longer by that.",
      ],
      problems: steps.flatMap((step) => [...step.open.problems, ...step.flatOut.problems].map((problem) => `${step.agents} agents: ${problem}`)),
    };
  },
};

async function measure(context: ScenarioContext, world: World, standstills: Standstills, agents: number): Promise<Step> {
  const [openMs, flatMs] = context.short ? [3000, 3000] : [20_000, 15_000];
  const warmUpMs = context.short ? 1500 : 5000;
  const common = { world, agents, slots: Math.floor(ALL_SLOTS / agents), warmUpMs } satisfies Partial<StageOptions>;
  let deepest = 0;
  // What was written flat out before would be checkpointed in one fleet's window and not in another's, where commits wait for the disk: at the rate of
  // the open loop that is due every five minutes only.
  await world.checkpoint();
  const open = await runStage({
    ...common,
    measureMs: openMs,
    sources: (times) => [noopJobs(times, { workspace: WORKSPACE, batch: OPEN_BATCH, pace: poisson(PER_S / OPEN_BATCH), seed: seedFor(context.seed, agents) })],
    async during({ fromUs, toUs }) {
      await pause(Math.max(0, (fromUs - monotonicUs()) / 1000));
      for (; monotonicUs() < toUs; await pause(500)) deepest = Math.max(deepest, await world.metric("millrace_jobs_waiting"));
    },
  });
  const flatOut = await runStage({
    ...common,
    measureMs: flatMs,
    sources: (times) => [
      noopJobs(times, { workspace: WORKSPACE, batch: FLAT_OUT.batch, pace: { kind: "closed", ...FLAT_OUT.pace }, seed: seedFor(context.seed, 1000 + agents) }),
    ],
  });
  return { agents, open, flatOut, latencies: latenciesOf(open.seen), deepest, stoodMs: standstills.longestMs(open.times) };
}

async function settle({ short, seed }: ScenarioContext, world: World): Promise<void> {
  await runStage({
    world,
    agents: SETTLING_AGENTS,
    slots: Math.floor(ALL_SLOTS / SETTLING_AGENTS),
    warmUpMs: 1000,
    measureMs: short ? 5000 : 60_000,
    sources: (times) => [noopJobs(times, { workspace: WORKSPACE, batch: FLAT_OUT.batch, pace: { kind: "closed", ...FLAT_OUT.pace }, seed: seedFor(seed, 1) })],
  });
}

function jobsPerCpuS(step: Step): number {
  const cost = costs(step.flatOut);
  return 1e6 / (cost.controlPlaneUsPerJob + cost.postgresUsPerJob);
}

function figuresOf(step: Step): Figures {
  const name = `sweep_${step.agents}_agents`;
  const [open, flat] = [costs(step.open), costs(step.flatOut)];
  return {
    ...latencyFigures(`${name}_dispatch`, step.latencies),
    [`${name}_open_loop_jobs_per_s`]: round(open.jobsPerS),
    [`${name}_deepest_queue_jobs`]: step.deepest,
    [`${name}_machine_stood_still_ms`]: round(step.stoodMs),
    [`${name}_flat_out_jobs_per_s`]: round(flat.jobsPerS),
    [`${name}_control_plane_us_per_job`]: round(flat.controlPlaneUsPerJob),
    [`${name}_postgres_us_per_job`]: round(flat.postgresUsPerJob),
    [`${name}_flat_out_jobs_per_cpu_s`]: round(jobsPerCpuS(step)),
    [`${name}_connections`]: step.flatOut.after.connections,
    [`${name}_open_loop_statements_per_job`]: round(open.statementsPerJob),
    [`${name}_flat_out_statements_per_job`]: round(flat.statementsPerJob),
  };
}

/** How far apart few and many agents are. */
function spread(steps: readonly Step[]): Figures {
  const p99 = steps.map((step) => step.latencies.percentileMs(99));
  const connections = steps.map((step) => step.flatOut.after.connections);
  const statements = steps.map((step) => costs(step.open).statementsPerJob);
  const few = steps[0];
  const loss = (agents: number): Figures => {
    const many = steps.find((step) => step.agents === agents);
    if (few === undefined || many === undefined) return {};
    return { [`sweep_loss_at_${agents}_agents_percent`]: round(100 * (1 - jobsPerCpuS(many) / jobsPerCpuS(few))) };
  };
  return {
    sweep_dispatch_p99_spread_ratio: round(Math.max(...p99) / Math.min(...p99)),
    sweep_deepest_queue_jobs: Math.max(...steps.map((step) => step.deepest)),
    sweep_more_connections: Math.max(...connections) - Math.min(...connections),
    sweep_statements_spread_ratio: round(Math.max(...statements) / Math.min(...statements)),
    ...loss(128),
    ...loss(600),
  };
}

function aims(): Aim[] {
  return [
    { figure: "sweep_dispatch_p99_spread_ratio", kind: "at most", limit: 2, words: "4: dispatch p99 at 4,000 jobs/s, most against least" },
    // A hundredth of a second's jobs: a queue that grows is far beyond it, a look between two commits is not.
    { figure: "sweep_deepest_queue_jobs", kind: "at most", limit: PER_S / 10, words: "4: nothing queues up at 4,000 jobs/s, jobs" },
    // Pools open connections when several are wanted at once and close them after a minute: a few more or fewer are chance.
    { figure: "sweep_more_connections", kind: "at most", limit: 4, words: "4: connections do not depend on agents, most less fewest" },
    { figure: "sweep_statements_spread_ratio", kind: "at most", limit: 1.5, words: "4: statements of a job at the same rate do not depend on agents" },
    { figure: "sweep_loss_at_128_agents_percent", kind: "at most", limit: 20, words: "4: jobs per CPU-second, loss at 128 agents, %" },
    { figure: "sweep_loss_at_600_agents_percent", kind: "at most", limit: 40, words: "4: jobs per CPU-second, loss at 600 agents, %" },
  ];
}

function charts(steps: readonly Step[]): Chart[] {
  const bars = (title: string, yTitle: string, value: (step: Step) => number): Chart => ({
    kind: "bars",
    title,
    xTitle: "agents",
    yTitle,
    bars: steps.map((step) => ({ label: String(step.agents), value: value(step) })),
  });
  return [
    percentileChart(`Dispatch at ${PER_S} jobs/s`, Object.fromEntries(steps.map((step) => [`${step.agents} agents`, step.latencies]))),
    bars("Flat out", "jobs per second", (step) => costs(step.flatOut).jobsPerS),
    bars("Flat out, per second of processor time of control plane and Postgres", "jobs per CPU-second", jobsPerCpuS),
    bars("Control plane, processor time of a job", "µs", (step) => costs(step.flatOut).controlPlaneUsPerJob),
    bars("Postgres, processor time of a job", "µs", (step) => costs(step.flatOut).postgresUsPerJob),
  ];
}
