import { FLOW_PEERS, type FlowPeer, type Workload } from "../flow-peers/flow-peer.ts";
import { install } from "../flow-peers/install.ts";
import { Program } from "../flow-peers/program.ts";
import { median, round } from "../load/latencies.ts";
import { pause, wallUs } from "../load/monotonic.ts";
import { partsInARow, partsOfFunctions } from "../load/step-parts.ts";
import type { Chart, Figures, PeerResult } from "../result/model.ts";
import { untilCalm } from "../world/cpu.ts";
import { readFlowSteps } from "../world/flow-store.ts";
import { startPostgres, temporaryFolder } from "../world/postgres.ts";
import { freePort } from "../world/processes.ts";
import { Scope } from "../world/scope.ts";
import { World } from "../world/world.ts";
import { codeOf, LANGUAGES, type Language, readStamps, scriptOf } from "./flow-benchmark-scripts.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";

const WORKSPACE = "load";
const WAIT_S = 300;
/** Between two rounds, for what the round before has left. With us also until nothing more is done: interpreters that wait are made again. */
const REST_MS = 300;
/** So that as many interpreters may wait as a round has steps. */
const WARM_MB = 1024;

/** How the workload runs with us: a flow of scripts, each in a sandbox of its own · the same with processes that stay · steps of one script. */
const WAYS = ["flow", "flow_dedicated", "code"] as const;
type Way = (typeof WAYS)[number];

interface Rounds {
  readonly warmUp: number;
  readonly measured: number;
}

/** Windmill's published comparison, and its fan-out. */
const WORKLOADS: readonly (Workload & { readonly long: Rounds; readonly short: Rounds })[] = [
  { name: "40_fib10", count: 40, n: 10, way: "in_a_row", long: { warmUp: 5, measured: 20 }, short: { warmUp: 3, measured: 2 } },
  { name: "10_fib33", count: 10, n: 33, way: "in_a_row", long: { warmUp: 1, measured: 5 }, short: { warmUp: 0, measured: 1 } },
  { name: "400_fib10_at_once", count: 400, n: 10, way: "at_once", long: { warmUp: 2, measured: 10 }, short: { warmUp: 0, measured: 1 } },
];

export const flowBenchmark: Scenario = {
  name: "flow-benchmark",
  summary:
    "Windmill's comparison: 40 × fib(10), 10 × fib(33) in a row, 400 × fib(10) at once, in Python and TypeScript; DBOS, Restate, Prefect and Temporal beside it",
  takes: { short: "about three minutes, and what is installed at the first run", long: "19 minutes" },
  async run(context) {
    const slots = context.slots ?? 2;
    const own = new Scope();
    context.scope.defer(() => own.close());
    const ours = await measureOurs(context, own, slots);
    await own.close();
    const peers = context.peers ? await measurePeers(context) : undefined;
    return {
      figures: ours.figures,
      aims: AIMS,
      charts: chartsOf(ours.figures, peers ?? {}),
      problems: ours.problems,
      ...(peers !== undefined && { peers }),
      settings: {
        agents: 1,
        slots,
        warm_mb: WARM_MB,
        agent: "the agent program, jobs in sandboxes",
        in_a_row: "forloopflow",
        at_once: "forloopflow, parallel",
      },
      notes: [
        "peers run functions of one process, without a sandbox, as their steps; our rows with `code` are the nearest to that",
        "nobody assigns such functions: what is not their own time is all transition",
        ...(context.short ? ["short form: few rounds, Python without 10 × fib(33), flows without dedicated processes without 400 at once"] : []),
      ],
    };
  },
};

const AIMS = [
  { figure: "flow_benchmark_flow_python_40_fib10_step_ms", kind: "at most", limit: 8, words: "40 steps of warm Python in sandboxes, time a step (issue 5)" },
  {
    figure: "flow_benchmark_flow_dedicated_typescript_400_fib10_at_once_first_start_ms",
    kind: "at most",
    limit: 100,
    words: "400 at once: the first starts (issue 5)",
  },
] as const;

/** Of the short form, what takes longest: a large fib in Python, and hundreds of processes. */
function isLeftOut({ short }: ScenarioContext, language: Language, { n, way }: Workload, ours?: Way): boolean {
  return short && ((language === "python" && n > 20) || (ours === "flow" && way === "at_once"));
}

async function measureOurs(context: ScenarioContext, scope: Scope, slots: number): Promise<{ figures: Figures; problems: string[] }> {
  const world = await World.start(scope, { seed: context.seed });
  await world.workspaces([WORKSPACE]);
  const agent = await world.realAgents(1, slots, { noop: false }, { MILLRACE_AGENT_WARM_MB: String(WARM_MB) });
  let figures: Figures = {};
  const problems: string[] = [];
  for (const language of LANGUAGES) {
    await deployAll(world, language);
    for (const way of WAYS) {
      for (const workload of WORKLOADS.filter((one) => !isLeftOut(context, language, one, way))) {
        context.say(`${way} ${language} ${workload.name} …`);
        const found = await measure(world, agent.pid, { way, language, workload, rounds: context.short ? workload.short : workload.long });
        figures = { ...figures, ...found.figures };
        problems.push(...found.problems);
      }
    }
  }
  return { figures, problems };
}

async function deployAll(world: World, language: Language): Promise<void> {
  for (const [path, content, more] of [
    [`f/load/fib_${language}`, scriptOf(language), {}],
    [`f/load/fib_dedicated_${language}`, scriptOf(language), { dedicated: true }],
    [`f/load/code_${language}`, codeOf(language), {}],
  ] as const) {
    const body = { path, language: language === "python" ? "python3" : language, content, ...more };
    const { status, text } = await world.api("POST", WORKSPACE, "/scripts", JSON.stringify(body));
    if (status >= 300) throw new Error(`${path} was refused: ${status} ${text}`);
  }
}

interface Asked {
  readonly way: Way;
  readonly language: Language;
  readonly workload: Workload;
  readonly rounds: Rounds;
}

/** Milliseconds of one round; those of the steps are sums over them. */
interface Round {
  readonly total: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** @param agent its process */
async function measure(world: World, agent: number, asked: Asked): Promise<{ figures: Figures; problems: string[] }> {
  const { way, language, workload, rounds } = asked;
  const seen: Round[] = [];
  const problems: string[] = [];
  for (let at = 0; at < rounds.warmUp + rounds.measured; at++) {
    await pause(REST_MS);
    await untilCalm(agent);
    const found = await runOnce(world, asked);
    if (typeof found === "string") problems.push(found);
    else if (at >= rounds.warmUp) seen.push(found);
  }
  return { figures: figuresOf(`flow_benchmark_${way}_${language}_${workload.name}`, workload, seen), problems };
}

function figuresOf(name: string, workload: Workload, seen: readonly Round[]): Figures {
  if (seen.length === 0) return {};
  const total = median(seen.map((one) => one.total));
  const parts = Object.keys(seen[0]?.parts ?? {}).map((part) => [`${name}_${part}_ms`, round(median(seen.map((one) => one.parts[part] ?? 0)))] as const);
  const step = workload.way === "in_a_row" ? { [`${name}_step_ms`]: round(total / workload.count) } : {};
  return { [`${name}_total_ms`]: round(total), ...step, ...Object.fromEntries(parts) };
}

/** @returns what went wrong */
async function runOnce(world: World, { way, language, workload }: Asked): Promise<Round | string> {
  const { count, n } = workload;
  const job = way === "code" ? { script: `f/load/code_${language}`, args: { count, n, way: workload.way } } : flowOf(way, language, workload);
  const sentUs = wallUs();
  const { status, text } = await world.api("POST", WORKSPACE, `/jobs?wait=${WAIT_S}`, JSON.stringify(job));
  const total = (wallUs() - sentUs) / 1000;
  const ended = JSON.parse(text) as { id?: string; status?: string; result?: unknown };
  if (status >= 300 || ended.id === undefined || ended.status !== "succeeded")
    return `${way} ${language} ${workload.name} did not succeed: ${text.slice(0, 300)}`;
  const inARow = workload.way === "in_a_row";
  if (way === "code") {
    const stamps = readStamps(ended.result);
    if (stamps.length !== count) return `${way} ${language} ${workload.name}: ${stamps.length} steps of ${count} were run`;
    return { total, parts: inARow ? { ...partsOfFunctions(stamps) } : { first_start: (stamps[0]?.[0] ?? 0) - sentUs / 1000 } };
  }
  const steps = await readFlowSteps(world.sql, ended.id);
  if (steps.length !== count) return `${way} ${language} ${workload.name}: ${steps.length} steps of ${count} are in the history`;
  const first = Math.min(...steps.map((one) => one.startedMs)) - sentUs / 1000;
  return { total, parts: inARow ? { ...partsInARow(steps) } : { first_start: first } };
}

function flowOf(way: Way, language: Language, { count, n, way: order }: Workload): object {
  const path = way === "flow" ? `f/load/fib_${language}` : `f/load/fib_dedicated_${language}`;
  const fib = { id: "fib", value: { type: "script", path, input_transforms: { n: { type: "static", value: n } } } };
  const iterator = { type: "javascript", expr: "flow_input.list" };
  const loop = { id: "loop", value: { type: "forloopflow", iterator, parallel: order === "at_once", skip_failures: false, modules: [fib] } };
  return { document: { summary: "", value: { modules: [loop] } }, args: { list: Array.from({ length: count }, (_, at) => at) } };
}

async function measurePeers(context: ScenarioContext): Promise<Record<string, PeerResult>> {
  const results: Record<string, PeerResult> = {};
  for (const peer of FLOW_PEERS) {
    if (context.scope.isClosed) break;
    const scope = new Scope();
    context.scope.defer(() => scope.close());
    try {
      const installed = await install(peer, context.say);
      if ("missing" in installed) results[peer.name] = { kind: "skipped", reason: installed.missing };
      else {
        const program = await Program.start(scope, installed.folder, installed.command, peer.program, await argumentsOf(scope, peer));
        const figures = await measurePeer(context, peer, program);
        results[peer.name] = { kind: "measured", version: Object.values(peer.packages).join(", "), figures, settings: peer.settings };
      }
    } catch (error) {
      results[peer.name] = { kind: "skipped", reason: `it failed: ${error instanceof Error ? error.message : String(error)}` };
    } finally {
      await scope.close();
    }
  }
  return results;
}

/** What a program needs of its surroundings: see `programs/`. */
async function argumentsOf(scope: Scope, peer: FlowPeer): Promise<string[]> {
  const data = temporaryFolder(scope);
  if (peer.needs === "postgres") return [(await startPostgres(scope, data)).url];
  const ports: string[] = [];
  while (ports.length < peer.needs.ports) ports.push(String(await freePort()));
  return [...ports, data];
}

async function measurePeer(context: ScenarioContext, peer: FlowPeer, program: Program): Promise<Figures> {
  let figures: Figures = {};
  const language = peer.kind === "pip" ? "python" : "typescript";
  for (const workload of WORKLOADS.filter((one) => !isLeftOut(context, language, one))) {
    context.say(`${peer.name} ${workload.name} …`);
    const { warmUp, measured } = context.short ? workload.short : workload.long;
    const seen: Round[] = [];
    for (let at = 0; at < warmUp + measured; at++) {
      await pause(REST_MS);
      const { tookMs, steps } = await program.run(workload);
      const parts = workload.way === "in_a_row" ? { ...partsOfFunctions(steps) } : { first_start: steps[0]?.[0] ?? 0 };
      if (at >= warmUp) seen.push({ total: tookMs, parts });
    }
    figures = { ...figures, ...figuresOf(`flow_benchmark_${workload.name}`, workload, seen) };
  }
  return figures;
}

function chartsOf(figures: Figures, peers: Readonly<Record<string, PeerResult>>): Chart[] {
  return WORKLOADS.map(({ name }) => {
    const ours = WAYS.flatMap((way) =>
      LANGUAGES.map((language) => ({ label: `${way} ${language}`, value: figures[`flow_benchmark_${way}_${language}_${name}_total_ms`] })),
    );
    const theirs = Object.entries(peers).map(([label, peer]) => ({
      label,
      value: peer.kind === "measured" ? peer.figures[`flow_benchmark_${name}_total_ms`] : undefined,
    }));
    const bars = [...ours, ...theirs].flatMap(({ label, value }) => (value === undefined ? [] : [{ label, value }]));
    return { kind: "bars", title: name.replaceAll("_", " "), xTitle: "", yTitle: "total, median (ms)", bars };
  });
}
