import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { pause } from "../load/monotonic.ts";
import type { Figures } from "../result/model.ts";
import { countTickJobs, readTicks } from "../world/schedule-store.ts";
import { Scope } from "../world/scope.ts";
import { NOOP_SCRIPT, World } from "../world/world.ts";
import type { Scenario } from "./scenario.ts";

const WORKSPACES = ["load-a", "load-b", "load-c", "load-d"] as const;
const SCHEDULES = 10_000;
const MINUTE_S = 60;
const WRITERS = 8;
/** Until all ticks of the window have had their job ended. */
const DRAIN_MS = 5000;
const MOST_MS = 50;

/** 10,000 schedules that tick once a minute, each at a second of its own: 167 at once, each second. */
export const schedules: Scenario = {
  name: "schedules",
  summary: "10,000 schedules, 167 of which tick each second: from the tick until the job is durable, and until it runs",
  takes: { short: "2 minutes", long: "6 minutes" },
  async run(context) {
    const own = new Scope();
    context.scope.defer(() => own.close());
    const world = await World.start(own, { seed: context.seed });
    await world.workspaces(WORKSPACES);
    const simulator = await world.simulator(context.agents ?? 8, context.slots ?? 32);
    context.say(`${SCHEDULES} schedules …`);
    await makeSchedules(world);
    const seconds = context.seconds ?? (context.short ? 40 : 240);
    // The first minute is that of code which has not been compiled yet.
    await pause((context.short ? 20 : MINUTE_S) * 1000);
    const fromMs = Math.ceil(Date.now() / 1000) * 1000;
    const untilMs = fromMs + seconds * 1000;
    context.say(`${seconds} s of ticks …`);
    await pause(untilMs - Date.now() + DRAIN_MS);
    const found = await readTicks(world.sql, fromMs, untilMs);
    const jobs = await countTickJobs(world.sql, fromMs, untilMs);
    await simulator.stop();
    await own.close();
    const expected = expectedTicks(fromMs, seconds);
    const problems = [
      ...(found.rows === expected ? [] : [`${found.rows} ticks are recorded where ${expected} are due`]),
      ...(found.jobs === expected ? [] : [`${found.jobs} jobs are recorded where ${expected} are due`]),
      ...(Math.abs(jobs - expected) <= SCHEDULES / MINUTE_S + 1 ? [] : [`${jobs} jobs of schedules were made where ${expected} are due`]),
      ...(found.notStarted === 0 ? [] : [`${found.notStarted} ticks have no ended job`]),
    ];
    const figures: Figures = {
      ...latencyFigures("schedules_tick_to_job", latenciesOf(found.recordedAfterMs)),
      ...latencyFigures("schedules_tick_to_start", latenciesOf(found.startedAfterMs)),
      schedules_ticks_per_s: round(found.rows / seconds),
    };
    const settings = { schedules: SCHEDULES, agents: context.agents ?? 8, slots: context.slots ?? 32, agent: "simulated", seconds };
    return { figures, aims: AIMS, charts: [], problems, settings };
  },
};

const AIMS = [
  { figure: "schedules_tick_to_job_p99_ms", kind: "at most", limit: MOST_MS, words: "10,000 schedules: drift p99 (issue 6)" },
  { figure: "schedules_tick_to_start_p99_ms", kind: "at most", limit: MOST_MS, words: "10,000 schedules: a job begins within 50 ms of its tick, p99" },
] as const;

async function makeSchedules(world: World): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    for (let number = next++; number < SCHEDULES; number = next++) {
      const workspace = WORKSPACES[number % WORKSPACES.length] ?? WORKSPACES[0];
      const body = JSON.stringify({ cron: `${number % MINUTE_S} * * * * *`, script: NOOP_SCRIPT, overlap: number % 2 === 0 ? "skip" : "parallel" });
      const { status, text } = await world.api("PUT", workspace, `/schedules/by-path?path=f/load/tick_${number}`, body);
      if (status >= 300) throw new Error(`a schedule was refused: ${status} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}

/** Ticks of all schedules in some seconds. */
function expectedTicks(fromMs: number, seconds: number): number {
  let ticks = 0;
  for (let at = 0; at < seconds; at++) {
    const second = (fromMs / 1000 + at) % MINUTE_S;
    ticks += Math.floor((SCHEDULES - 1 - second) / MINUTE_S) + 1;
  }
  return ticks;
}

function latenciesOf(list: readonly number[]): Latencies {
  const latencies = new Latencies();
  for (const ms of list) latencies.recordUs(ms * 1000);
  return latencies;
}
