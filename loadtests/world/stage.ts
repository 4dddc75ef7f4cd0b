import type { Simulator } from "../agents/simulator.ts";
import type { SimulatorReport } from "../agents/simulator-messages.ts";
import type { LoadReport, SourcePlan } from "../load/generator-messages.ts";
import { Latencies } from "../load/latencies.ts";
import { Load } from "../load/load.ts";
import { monotonicUs, untilUs } from "../load/monotonic.ts";
import { type Audit, audit, problemsOf, Tally } from "../load/tally.ts";
import type { Counters, World } from "./world.ts";
import { countJobs } from "./world-store.ts";

/** Moments of a stage, `monotonicUs`. */
export interface Times {
  readonly startUs: number;
  /** The measured window, after the warm-up. */
  readonly fromUs: number;
  readonly toUs: number;
}

export interface StageOptions {
  readonly world: World;
  readonly agents: number;
  /** Of each agent. */
  readonly slots: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly sources: (times: Times) => readonly SourcePlan[];
  readonly connections?: number;
  readonly bucketMs?: number;
  readonly sampled?: readonly number[];
  /** What happens meanwhile: kills, snapshots, samples. The stage waits for it. */
  readonly during?: (times: Times, simulator: Simulator) => Promise<void>;
  /** How long the last jobs may take after the last request was answered. */
  readonly drainMs?: number;
}

export interface StageResult {
  readonly times: Times;
  readonly load: LoadReport;
  readonly seen: SimulatorReport;
  readonly audit: Audit;
  /** Jobs lost or ended twice, in words. */
  readonly problems: readonly string[];
  /** At the ends of the measured window. */
  readonly before: Counters;
  readonly after: Counters;
  /** From the first due request to the last recorded end, as far as the clock of the run can tell (20 ms). */
  readonly drainedUs: number;
}

const HEAD_START_US = 300_000;

/**
 * One load on the system with agents of its own: warm-up, measured window, drain, audit. Every accepted job is followed to its recorded
 * end, job by job, and the counts are compared with what the database holds.
 */
export async function runStage(options: StageOptions): Promise<StageResult> {
  const { world } = options;
  const begunMs = Date.now();
  const simulator = await world.simulator(options.agents, options.slots);
  const load = await Load.start(world.scope);
  // Whole microseconds, as the stamps of the jobs are: the first one must not lie before the window by a fraction.
  const startUs = Math.ceil(monotonicUs() + HEAD_START_US);
  const fromUs = startUs + options.warmUpMs * 1000;
  const times: Times = { startUs, fromUs, toUs: fromUs + options.measureMs * 1000 };
  await simulator.measure({ fromUs: times.fromUs, toUs: times.toUs, bucketMs: options.bucketMs ?? 1000, sampled: options.sampled ?? [] });
  const quiet = simulator.onProgress((ended) => load.endedAre(ended));
  const plan = { bases: world.bases, token: world.token, connections: options.connections ?? 32, measureFromUs: fromUs, sources: options.sources(times) };
  const [report, before, after] = await Promise.all([
    load.run(plan),
    countersAt(world, times.fromUs),
    countersAt(world, times.toUs),
    options.during?.(times, simulator),
  ]);
  const drainedUs = await drained(world, simulator, { accepted: report.acceptedJobs, sinceMs: begunMs, withinMs: options.drainMs ?? 120_000 });
  quiet();
  const seen = await simulator.report();
  await simulator.stop();
  const found = audit(new Tally(report.fates), new Tally(seen.started), new Tally(seen.recorded));
  const problems = [...problemsOf(found), ...(await databaseProblems(world, begunMs, found))];
  return { times, load: report, seen, audit: found, problems, before, after, drainedUs };
}

async function countersAt(world: World, us: number): Promise<Counters> {
  await untilUs(us);
  return world.counters();
}

interface Drain {
  readonly accepted: number;
  readonly sinceMs: number;
  readonly withinMs: number;
}

/**
 * Waits for the last jobs, and until agents know of every end: some may be of jobs whose request was never answered, so that their number alone
 * does not say it. A time-out is no error here: the audit says what is missing. @returns when it was over
 */
async function drained(world: World, simulator: Simulator, { accepted, sinceMs, withinMs }: Drain): Promise<number> {
  const endUs = monotonicUs() + withinMs * 1000;
  let overUs = monotonicUs();
  while (monotonicUs() < endUs) {
    if (simulator.ended >= accepted) {
      const { rowCount } = await world.sql.query("SELECT 1 FROM job_pending UNION ALL SELECT 1 FROM job_running LIMIT 1");
      if (rowCount === 0 && simulator.ended >= (await countJobs(world.sql, sinceMs)).done) break;
    } else overUs = monotonicUs();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return overUs;
}

/** The same from the other side: what the tables say. */
async function databaseProblems(world: World, sinceMs: number, found: Audit): Promise<string[]> {
  const { open, done, unsuccessful } = await countJobs(world.sql, sinceMs);
  return [
    ...(open > 0 ? [`${open} jobs still wait or run in the database`] : []),
    ...(unsuccessful > 0 ? [`${unsuccessful} jobs did not succeed`] : []),
    ...(done < found.accepted ? [`the history has ${done} jobs, but ${found.accepted} were accepted`] : []),
    ...(done !== found.ended ? [`the history has ${done} jobs, but agents saw ${found.ended} recorded`] : []),
  ];
}

/** Dispatch latencies of some sources together: from the intended start of the request to the arrival of the assignment. */
export function latenciesOf(seen: SimulatorReport, sources?: readonly number[]): Latencies {
  const all = new Latencies();
  for (const [number, source] of Object.entries(seen.sources)) {
    if (sources === undefined || sources.includes(Number(number))) all.add(Latencies.fromText(source.latencies));
  }
  return all;
}

/** How late the generator itself was: a large value says that the machine, not the system, was too slow. */
export function latenessOf(load: LoadReport): Latencies {
  const all = new Latencies();
  for (const source of Object.values(load.sources)) all.add(Latencies.fromText(source.lateness));
  return all;
}

/** Answer times: from the intended start of a request to its answer, which comes after the commit. */
export function answersOf(load: LoadReport): Latencies {
  const all = new Latencies();
  for (const source of Object.values(load.sources)) all.add(Latencies.fromText(source.answers));
  return all;
}

/** Rates and costs over the measured window. */
export function costs(stage: StageResult): {
  readonly seconds: number;
  readonly jobs: number;
  readonly jobsPerS: number;
  readonly walBytesPerJob: number;
  readonly commitsPerJob: number;
  readonly controlPlaneCores: number;
  readonly postgresCores: number;
  readonly controlPlaneUsPerJob: number;
  readonly postgresUsPerJob: number;
  readonly statementsPerJob: number;
} {
  const { before, after } = stage;
  const seconds = (after.atUs - before.atUs) / 1e6;
  const jobs = after.endedJobs - before.endedJobs;
  const [controlPlaneS, postgresS] = [after.controlPlaneS - before.controlPlaneS, after.postgresS - before.postgresS];
  return {
    seconds,
    jobs,
    jobsPerS: jobs / seconds,
    walBytesPerJob: (after.walBytes - before.walBytes) / jobs,
    commitsPerJob: (after.commits - before.commits) / jobs,
    controlPlaneCores: controlPlaneS / seconds,
    postgresCores: postgresS / seconds,
    controlPlaneUsPerJob: (controlPlaneS * 1e6) / jobs,
    postgresUsPerJob: (postgresS * 1e6) / jobs,
    statementsPerJob: (after.statements - before.statements) / jobs,
  };
}
