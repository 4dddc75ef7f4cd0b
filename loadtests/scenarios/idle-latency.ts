import { BARE_PATH, type BareOptions, type BarePath, measureBarePath } from "../bare/bare-path.ts";
import { ratiosOverBare } from "../bare/over-bare.ts";
import { latencyFigures, round } from "../load/latencies.ts";
import { pause } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import { LATENCY_PEERS, type PeerName } from "../peers/drivers.ts";
import type { Stretch } from "../peers/peer-messages.ts";
import { measurePeers, idleLatency as peerIdleLatency } from "../peers/peers.ts";
import type { Figures, Measured } from "../result/model.ts";
import { Scope } from "../world/scope.ts";
import { answersOf, latenciesOf, latenessOf, runStage, type StageResult } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { percentileChart } from "./charts.ts";
import { measureProcessStart, type ProcessStart } from "./process-start.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { noopJobs, poisson } from "./sources.ts";

const WORKSPACE = "load";
/** Of single requests: the system is idle between them. */
const PER_S = 15;
const IDLE_AGENTS = 600;
/** A backend that has become idle reports what it did up to ten seconds later: connecting must not be counted as idling. */
const STATISTICS_MS = 12_000;
const CONNECTIONS = 32;

/**
 * Agents and control planes are up for months: what is measured is code that has been compiled, which takes several thousand requests. They come in
 * `quickMs` at first, single as those after them; then the system is as idle as in the measurement.
 */
const WARM_UP = { short: { requestsMs: 10_000, quickMs: 8000, bashJobs: 60 }, long: { requestsMs: 40_000, quickMs: 25_000, bashJobs: 800 } } as const;
const QUICK_PER_S = 200;
/** Source of the measured requests, and of the quick ones before them. */
const [MEASURED, QUICK] = [0, 1];

/** One job at a time on an idle system; transactions when nothing happens at all; the bare path and the peers beside it. */
export const idleLatency: Scenario = {
  name: "idle-latency",
  summary: "idle system: request to assignment, request to process start, transactions/s with 600 agents; the bare path and the peers beside it",
  takes: { short: "2 minutes with peers, 75 s without", long: "8 minutes, and a good minute for each of three peers" },
  async run(context) {
    const own = new Scope();
    context.scope.defer(() => own.close());
    const world = await World.start(own, { seed: context.seed });
    await world.workspaces([WORKSPACE]);
    const assigned = await runStage({ ...stageOf(context), world, agents: context.agents ?? 8, slots: context.slots ?? 8 });
    const bashJobs = { warmUp: warmUpOf(context).bashJobs, jobs: context.short ? 60 : 400 };
    const started = await measureProcessStart(world, WORKSPACE, bashJobs);
    const quiet = await transactions(context, world);
    await own.close();
    context.say("the bare path …");
    const bare = await measureBarePath(context.scope, stageOf(context));
    // They are warmed up with as many jobs as we are.
    const peers = context.peers
      ? await measurePeers(LATENCY_PEERS, context.scope, context.say, (turn) =>
          peerIdleLatency(turn, { stretches: stretchesOf(context, turn.name), seed: seedFor(context.seed, 9) }),
        )
      : {};
    return { ...describe(context, { assigned, bare, started, bashJobs, quiet }), peers: { [BARE_PATH]: bare.peer, ...peers } };
  },
};

function warmUpOf({ short }: ScenarioContext): (typeof WARM_UP)["short" | "long"] {
  return short ? WARM_UP.short : WARM_UP.long;
}

/** Single no-op jobs at the moments of a Poisson process: the same ones for simulated agents and on the bare path. */
function stageOf(context: ScenarioContext): BareOptions {
  const seconds = context.seconds ?? (context.short ? 10 : 100);
  return {
    warmUpMs: warmUpOf(context).requestsMs,
    measureMs: seconds * 1000,
    connections: CONNECTIONS,
    sources: (times) => {
      const { quickMs } = warmUpOf(context);
      const single = { workspace: WORKSPACE, batch: 1 };
      const startUs = times.startUs + quickMs * 1000;
      return [
        noopJobs(times, { ...single, source: QUICK, pace: poisson(QUICK_PER_S), seed: seedFor(context.seed, 2), forMs: quickMs }),
        noopJobs(times, { ...single, source: MEASURED, pace: poisson(PER_S), seed: seedFor(context.seed, 1), startUs, forMs: (times.toUs - startUs) / 1000 }),
      ];
    },
  };
}

/** The same for a peer. pg-boss, which polls, would still have a queue of the quick jobs when the measured ones come: it gets none of those. */
function stretchesOf(context: ScenarioContext, peer: PeerName): Stretch[] {
  const { requestsMs } = warmUpOf(context);
  const quickMs = peer === "pg-boss" ? 0 : warmUpOf(context).quickMs;
  return [
    { jobs: (quickMs / 1000) * QUICK_PER_S, perS: QUICK_PER_S, isMeasured: false },
    { jobs: ((requestsMs - quickMs) / 1000) * PER_S, perS: PER_S, isMeasured: false },
    { jobs: context.short ? 60 : 400, perS: PER_S, isMeasured: true },
  ];
}

/** What an idle system asks of Postgres while many agents are connected. */
async function transactions(context: ScenarioContext, world: World): Promise<Figures> {
  const simulator = await world.simulator(IDLE_AGENTS, 2);
  await pause(STATISTICS_MS);
  const before = await world.counters();
  await pause(context.short ? 10_000 : 60_000);
  const after = await world.counters();
  await simulator.stop();
  const seconds = (after.atUs - before.atUs) / 1e6;
  return {
    idle_600_agents_transactions_per_s: round((after.commits - before.commits) / seconds),
    idle_600_agents_connections: after.connections,
    idle_600_agents_control_plane_cores: round((after.controlPlaneS - before.controlPlaneS) / seconds),
    idle_600_agents_postgres_cores: round((after.postgresS - before.postgresS) / seconds),
  };
}

interface Found {
  readonly assigned: StageResult;
  readonly bare: BarePath;
  readonly started: ProcessStart;
  readonly bashJobs: { readonly warmUp: number; readonly jobs: number };
  readonly quiet: Figures;
}

function describe(context: ScenarioContext, { assigned, bare, started, bashJobs, quiet }: Found): Measured {
  const [dispatch, answers] = [latenciesOf(assigned.seen), answersOf(assigned.load)];
  return {
    figures: {
      ...latencyFigures("idle_request_to_assignment", dispatch),
      ...latencyFigures("idle_request_to_answer", answers),
      ...ratiosOverBare("idle_assignment_over_bare", dispatch, bare.assigned),
      idle_generator_lateness_p99_ms: round(latenessOf(assigned.load).percentileMs(99)),
      ...started.figures,
      ...quiet,
    },
    aims: [
      { figure: "idle_request_to_assignment_p50_ms", kind: "at most", limit: 3, words: "2: idle dispatch p50, ms" },
      { figure: "idle_request_to_assignment_p99_ms", kind: "at most", limit: 8, words: "2: idle dispatch p99, ms" },
      { figure: "idle_600_agents_transactions_per_s", kind: "below", limit: 5, words: "2: transactions/s when idle with 600 agents" },
    ],
    charts: [
      percentileChart("One job at a time on an idle system", {
        "request to answer": answers,
        "request to assignment (simulated agent)": dispatch,
        "the same on the bare path": bare.assigned,
        "request to process start (agent program, Bash in the sandbox)": started.latencies,
        "request to process start of a new agent": started.cold,
        "request to the script's first instruction": started.firstInstruction,
      }),
    ],
    settings: {
      requests_per_s: PER_S,
      arrivals: "poisson",
      warm_up_s: warmUpOf(context).requestsMs / 1000,
      warm_up_quick_requests_per_s: QUICK_PER_S,
      warm_up_quick_s: warmUpOf(context).quickMs / 1000,
      bash_jobs: bashJobs.jobs,
      bash_warm_up_jobs: bashJobs.warmUp,
      agents: context.agents ?? 8,
      slots_of_each: context.slots ?? 8,
      agent_kind: "simulated for the assignment, the agent program for the process start",
      idle_agents: IDLE_AGENTS,
    },
    problems: [...assigned.problems, ...started.problems],
    notes: [
      "On a virtual machine much of an idle latency is the price of waking processors that sleep.",
      "The bare path is what this machine does with a request, one durable row and one message to another process, and nothing else: context, not a peer.",
    ],
  };
}
