import { footprintOf } from "../agents/footprint.ts";
import { Latencies, latencyFigures, median, round } from "../load/latencies.ts";
import { wallUs } from "../load/monotonic.ts";
import type { Figures, Measured } from "../result/model.ts";
import { readFlow } from "../world/flow-store.ts";
import { Scope } from "../world/scope.ts";
import { World } from "../world/world.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";

const WORKSPACE = "load";
/** Whose expressions never come to their end. */
const RUNAWAY = "runaway";
const RUNAWAYS_AT_ONCE = 8;
const STEPS = 40;
const CHILDREN = [
  { count: 400, short: 5, long: 30 },
  { count: 10_000, short: 1, long: 3 },
] as const;
const WAIT_S = 300;

type Module = Readonly<Record<string, unknown>>;

const noop = (id: string, input: string): Module => ({
  id,
  value: { type: "rawscript", language: "noop", content: "", input_transforms: { n: { type: "javascript", expr: input } } },
});

/** Each step has the result of the one before it as its input. */
const SEQUENCE = Array.from({ length: STEPS }, (_, at) => noop(`s${at}`, at === 0 ? "flow_input.n" : `results.s${at - 1}`));

/** The same of steps that have no job: the engine's own work. */
const OWN_SEQUENCE = Array.from(
  { length: STEPS },
  (_, at): Module => ({
    id: `s${at}`,
    value: { type: "identity", input_transforms: { n: { type: "javascript", expr: at === 0 ? "flow_input.n" : `results.s${at - 1}.n + 1` } } },
  }),
);

/** The list comes with the run, as it does from people: a document of that size would be read beside the scheduler. */
const LOOP: readonly Module[] = [
  {
    id: "loop",
    value: { type: "forloopflow", iterator: { type: "javascript", expr: "flow_input.list" }, parallel: true, modules: [noop("item", "flow_input.iter.value")] },
  },
];

/** Flows of steps that do nothing, on simulated agents: what is measured is the way from one step to the next. */
export const flows: Scenario = {
  name: "flows",
  summary:
    "flows of no-op steps: 40 in a row, 40 without jobs, 400 and 10,000 at once, 40 in a row beside runaway expressions; time a step, to the first child, in all; memory of the control plane",
  takes: { short: "1 minute", long: "5 minutes" },
  async run(context) {
    const scope = new Scope();
    context.scope.defer(() => scope.close());
    const world = await World.start(scope, { seed: context.seed });
    await world.workspaces([WORKSPACE, RUNAWAY]);
    const simulator = await world.simulator(context.agents ?? 4, context.slots ?? 16);
    const rounds = { warmUp: context.short ? 10 : 60, measured: context.short ? 20 : 200 };
    context.say(`${STEPS} steps in a row …`);
    const row = await inARow(world, "flow_40_steps_step", SEQUENCE, rounds);
    context.say(`${STEPS} steps without jobs …`);
    const own = await inARow(world, "flow_40_own_steps_step", OWN_SEQUENCE, rounds);
    const problems = [...row.problems, ...own.problems];
    let figures: Figures = { ...row.figures, ...own.figures };
    for (const { count, short, long } of CHILDREN) {
      context.say(`${count} children …`);
      const found = await atOnce(world, count, context.short ? short : long);
      figures = { ...figures, ...found.figures };
      problems.push(...found.problems);
    }
    context.say("beside runaway expressions of another workspace …");
    const beside = await besideRunaways(world, rounds.measured);
    figures = { ...figures, ...beside.figures };
    problems.push(...beside.problems);
    await simulator.stop();
    await scope.close();
    return { figures, aims: AIMS, charts: [], problems, settings: settingsOf(context, rounds) };
  },
};

const AIMS = [
  { figure: "flow_40_steps_step_p50_ms", kind: "at most", limit: 3, words: "40 sequential no-op steps, time a step (issue 5)" },
  { figure: "flow_400_children_first_start_ms", kind: "at most", limit: 100, words: "fan-out of 400: the first child starts (issue 5)" },
  { figure: "flow_10000_children_first_start_ms", kind: "at most", limit: 100, words: "fan-out of 10,000: the first child starts (design, section 7)" },
] as const;

function settingsOf(context: ScenarioContext, rounds: { warmUp: number; measured: number }): Measured["settings"] {
  return { agents: context.agents ?? 4, slots: context.slots ?? 16, agent: "simulated", rounds: rounds.measured, warm_up_rounds: rounds.warmUp };
}

interface Ran {
  readonly id: string;
  readonly sentUs: number;
  readonly tookUs: number;
  readonly succeeded: boolean;
}

async function runFlow(world: World, modules: readonly Module[], args: Readonly<Record<string, unknown>>, workspace = WORKSPACE): Promise<Ran> {
  const body = JSON.stringify({ document: { summary: "", value: { modules } }, args });
  const sentUs = wallUs();
  const { status, text } = await world.api("POST", workspace, `/jobs?wait=${WAIT_S}`, body);
  const tookUs = wallUs() - sentUs;
  const job = JSON.parse(text) as { id?: string; status?: string };
  if (status >= 300 || job.id === undefined) throw new Error(`the flow was refused: ${status} ${text.slice(0, 500)}`);
  return { id: job.id, sentUs, tookUs, succeeded: job.status === "succeeded" };
}

const identity = (expr: string): readonly Module[] => [{ id: "i", value: { type: "identity", input_transforms: { x: { type: "javascript", expr } } } }];
/** It needs the sandbox, as the runaways do. */
const PROGRAM = identity("(() => { let sum = 0; for (const n of [1, 2, 3]) sum += n; return sum; })()");
const ENDLESS = identity("(() => { for (;;) {} })()");

/** What the flows of one workspace notice of another one's expressions that have to be stopped, without a pause. */
async function besideRunaways(world: World, rounds: number): Promise<{ figures: Figures; problems: string[] }> {
  const problems: string[] = [];
  let stopped = 0;
  let over = false;
  const runaways = Array.from({ length: RUNAWAYS_AT_ONCE }, async () => {
    while (!over) {
      const { succeeded } = await runFlow(world, ENDLESS, {}, RUNAWAY);
      if (succeeded) problems.push("an endless expression came to its end");
      stopped += 1;
    }
  });
  const [steps, programs] = [new Latencies(), new Latencies()];
  for (let at = 0; at < rounds; at++) {
    const row = await runFlow(world, SEQUENCE, { n: 1 });
    const program = await runFlow(world, PROGRAM, {});
    if (!row.succeeded || !program.succeeded) problems.push("a flow beside runaway expressions did not succeed");
    steps.recordUs(row.tookUs / STEPS);
    programs.recordUs(program.tookUs);
  }
  over = true;
  await Promise.all(runaways);
  const figures = { ...latencyFigures("flow_beside_runaways_step", steps), ...latencyFigures("flow_beside_runaways_program", programs) };
  return { figures: { ...figures, flow_runaways_stopped_count: stopped }, problems };
}

type Found = { figures: Figures; problems: string[] };

async function inARow(world: World, name: string, modules: readonly Module[], { warmUp, measured }: { warmUp: number; measured: number }): Promise<Found> {
  const steps = new Latencies();
  let failed = 0;
  for (let at = 0; at < warmUp + measured; at++) {
    const { tookUs, succeeded } = await runFlow(world, modules, { n: 1 });
    if (!succeeded) failed += 1;
    if (at >= warmUp) steps.recordUs(tookUs / STEPS);
  }
  return { figures: latencyFigures(name, steps), problems: failed > 0 ? [`${failed} flows of ${STEPS} steps did not succeed`] : [] };
}

/** Medians over the rounds; of the first start also the worst. */
async function atOnce(world: World, count: number, rounds: number): Promise<Found> {
  const [pid] = world.replicas.map((replica) => replica.pid);
  const beforeMb = footprintOf(pid ?? 0, []).rssMb;
  const [firstMs, allMs]: [number[], number[]] = [[], []];
  const problems: string[] = [];
  let largestRow = 0;
  for (let at = 0; at < rounds; at++) {
    const ran = await runFlow(world, LOOP, { list: Array.from({ length: count }, (_, n) => n) });
    const { children, firstStartMs, rowBytes } = await readFlow(world.sql, ran.id);
    firstMs.push(firstStartMs - ran.sentUs / 1000);
    allMs.push(ran.tookUs / 1000);
    largestRow = Math.max(largestRow, rowBytes);
    if (!ran.succeeded) problems.push(`the flow of ${count} children did not succeed`);
    if (children !== count) problems.push(`${children} children of ${count} are in the history`);
  }
  const name = `flow_${count}_children`;
  return {
    figures: {
      [`${name}_first_start_ms`]: round(median(firstMs)),
      [`${name}_first_start_max_ms`]: round(Math.max(...firstMs)),
      [`${name}_all_ms`]: round(median(allMs)),
      [`${name}_jobs_per_s`]: round(count / (median(allMs) / 1000)),
      [`${name}_memory_growth_bytes`]: Math.round((footprintOf(pid ?? 0, []).rssMb - beforeMb) * 1024 * 1024),
      [`${name}_largest_row_bytes`]: largestRow,
    },
    problems,
  };
}
