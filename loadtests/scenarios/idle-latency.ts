import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { pause, wallUs } from "../load/monotonic.ts";
import { seedFor } from "../load/random.ts";
import { LATENCY_PEERS } from "../peers/drivers.ts";
import { measurePeers, idleLatency as peerIdleLatency } from "../peers/peers.ts";
import type { Figures, Measured, PeerResult } from "../result/model.ts";
import { until } from "../world/processes.ts";
import { Scope } from "../world/scope.ts";
import { answersOf, latenciesOf, latenessOf, runStage, type StageResult } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { readStarts } from "../world/world-store.ts";
import { percentileChart } from "./charts.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { noopJobs, poisson } from "./sources.ts";

const WORKSPACE = "load";
/** Of single requests: the system is idle between them. */
const PER_S = 15;
const IDLE_AGENTS = 600;
/** A backend that has become idle reports what it did up to ten seconds later: connecting must not be counted as idling. */
const STATISTICS_MS = 12_000;

/** One job at a time on an idle system; transactions when nothing happens at all; the peers beside it. */
export const idleLatency: Scenario = {
  name: "idle-latency",
  summary: "idle system: request to assignment, request to process start, transactions/s with 600 agents; the peers' add to start",
  takes: { short: "80 s with peers, 50 s without", long: "4 minutes, and half a minute for each peer" },
  async run(context) {
    const own = new Scope();
    context.scope.defer(() => own.close());
    const world = await World.start(own, { seed: context.seed });
    await world.workspaces([WORKSPACE]);
    const assigned = await toAssignment(context, world);
    const started = await toProcessStart(context, world);
    const quiet = await transactions(context, world);
    await own.close();
    const options = { warmUp: 15, jobs: context.short ? 60 : 400, perS: PER_S, seed: seedFor(context.seed, 9) };
    const peers = context.peers ? await measurePeers(LATENCY_PEERS, context.scope, context.say, (turn) => peerIdleLatency(turn, options)) : {};
    return { ...describe(context, assigned, started, quiet), peers };
  },
};

/** Single no-op jobs to simulated agents, at the moments of a Poisson process. */
async function toAssignment(context: ScenarioContext, world: World): Promise<StageResult> {
  const seconds = context.seconds ?? (context.short ? 10 : 100);
  return runStage({
    world,
    agents: context.agents ?? 8,
    slots: context.slots ?? 8,
    warmUpMs: 2000,
    measureMs: seconds * 1000,
    sources: (times) => [noopJobs(times, { workspace: WORKSPACE, batch: 1, pace: poisson(PER_S), seed: seedFor(context.seed, 1) })],
  });
}

interface ProcessStart {
  readonly latencies: Latencies;
  readonly firstInstruction: Latencies;
  readonly problems: string[];
  readonly figures: Figures;
}

/**
 * Bash jobs, one at a time, in the sandbox of the agent program. The agent says when the script's program began, the script when its own
 * first instruction ran. Both are wall clock of this machine, and so is the moment of the request.
 */
async function toProcessStart(context: ScenarioContext, world: World): Promise<ProcessStart> {
  const [jobs, warmUp] = context.short ? [60, 10] : [400, 30];
  const agent = await world.realAgents(1, 8, { noop: false });
  const body = JSON.stringify({ code: { language: "bash", content: "echo $EPOCHREALTIME" } });
  const sent = new Map<string, number>();
  const [latencies, firstInstruction] = [new Latencies(), new Latencies()];
  for (let at = -warmUp; at < jobs; at++) {
    const sentUs = wallUs();
    const answer = await world.api("POST", WORKSPACE, "/jobs", body);
    if (answer.status !== 201) throw new Error(`a job was refused: ${answer.status} ${answer.text}`);
    const { id } = JSON.parse(answer.text) as { id: string };
    let result = "";
    await until("the job has ended", async () => {
      const found = await world.sql.query<{ result: string }>("SELECT result FROM job_done WHERE id = $1", [id]);
      result = found.rows[0]?.result ?? "";
      return found.rowCount === 1;
    });
    if (at >= 0) {
      sent.set(id, sentUs);
      firstInstruction.recordUs(Number(result) * 1_000_000 - sentUs);
    }
    // Between 25 and 55 ms, so that requests do not fall in step with any timer.
    await pause(25 + (((at + warmUp) * 7) % 30));
  }
  const rows = (await readStarts(world.sql)).filter((row) => sent.has(row.id));
  for (const row of rows) latencies.recordUs(row.startedUs - (sent.get(row.id) ?? 0));
  await agent.stop("SIGTERM");
  const failed = rows.filter((row) => !row.succeeded).length;
  const problems = [
    ...(rows.length < jobs ? [`${jobs - rows.length} Bash jobs have no start in the history`] : []),
    ...(failed > 0 ? [`${failed} Bash jobs did not succeed`] : []),
  ];
  const figures = { ...latencyFigures("idle_request_to_process_start", latencies), ...latencyFigures("idle_request_to_first_instruction", firstInstruction) };
  return { latencies, firstInstruction, problems, figures };
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

function describe(context: ScenarioContext, assigned: StageResult, started: ProcessStart, quiet: Figures): Measured & { peers?: Record<string, PeerResult> } {
  const [dispatch, answers] = [latenciesOf(assigned.seen), answersOf(assigned.load)];
  return {
    figures: {
      ...latencyFigures("idle_request_to_assignment", dispatch),
      ...latencyFigures("idle_request_to_answer", answers),
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
        "request to process start (agent program, Bash in the sandbox)": started.latencies,
        "request to the script's first instruction": started.firstInstruction,
      }),
    ],
    settings: {
      requests_per_s: PER_S,
      arrivals: "poisson",
      agents: context.agents ?? 8,
      slots_of_each: context.slots ?? 8,
      agent_kind: "simulated for the assignment, the agent program for the process start",
      idle_agents: IDLE_AGENTS,
    },
    problems: [...assigned.problems, ...started.problems],
    notes: ["On a virtual machine much of an idle latency is the price of waking processors that sleep."],
  };
}
