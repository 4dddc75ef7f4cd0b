import { type DirectedName, directedWorld } from "./directed/directed-worlds.ts";
import { happen, planOf } from "./events.ts";
import type { Planned } from "./plan.ts";
import { seededRandom } from "./random.ts";
import { Scene } from "./scene.ts";
import { World, type WorldOptions, type WorldResult } from "./world.ts";

/** In every eighth world there is time for what takes leases and reclaims one after the other; the others are quick. */
const faultsOf = (seed: number): number => (seed % 8 === 0 ? 85_000 : 35_000);
const MOST_EVENTS = 48;

/** Plays one seed. @param plan another plan than the seed's own: for making it smaller */
export async function runSeed(seed: number, options: { plan?: readonly Planned[]; keepTrace?: boolean } = {}): Promise<WorldResult> {
  const { plan = planOfSeed(seed), keepTrace = false } = options;
  return run({ seed, plan, happen, faultsUntilMs: faultsOf(seed), keepTrace, probed: seed % 4 === 1 });
}

/** Plays a directed world. */
export function runDirected(name: DirectedName, options: { keepTrace?: boolean } = {}): Promise<WorldResult> {
  const directed = directedWorld(name);
  return run({ seed: 0, plan: [], happen, faultsUntilMs: directed.forMs, keepTrace: options.keepTrace ?? false, scene: new Scene(directed) });
}

async function run(options: WorldOptions): Promise<WorldResult> {
  const { stackTraceLimit } = Error;
  // Errors are part of the worlds' life, and nobody reads where they were made.
  if (options.keepTrace !== true) Error.stackTraceLimit = 0;
  try {
    return await new World(options).run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

export function planOfSeed(seed: number): Planned[] {
  return planOf(seededRandom(seed * 2), faultsOf(seed), MOST_EVENTS);
}

/**
 * Makes the plan of a failing seed smaller, as long as it still breaks the same promise: leaves out ever smaller parts of it (the
 * "ddmin" of Zeller and Hildebrandt, 2002, without its complements). @param mostRuns bound on the work
 */
async function shrink(seed: number, invariant: string, mostRuns = 300): Promise<Planned[]> {
  let plan = planOfSeed(seed);
  let runs = 0;
  const fails = async (candidate: readonly Planned[]): Promise<boolean> => {
    runs += 1;
    return (await runSeed(seed, { plan: candidate })).violation?.invariant === invariant;
  };
  for (let size = Math.ceil(plan.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < plan.length && runs < mostRuns; ) {
      const candidate = [...plan.slice(0, at), ...plan.slice(at + size)];
      if (await fails(candidate)) plan = candidate;
      else at += size;
    }
  }
  return plan;
}

const MOST_LINES = 80;

/** The shortest story that could be found of how a seed breaks a promise. */
export async function explain(seed: number, invariant: string): Promise<string> {
  const plan = await shrink(seed, invariant);
  return [`seed ${seed} breaks ${invariant} with ${plan.length} events of its plan:`, ...endOf(await runSeed(seed, { plan, keepTrace: true }))].join("\n");
}

export async function explainDirected(name: DirectedName): Promise<string> {
  const result = await runDirected(name, { keepTrace: true });
  return [`the world "${name}" breaks ${result.violation?.invariant ?? "nothing"}:`, ...endOf(result)].join("\n");
}

function endOf({ trace, violation }: WorldResult): string[] {
  const cut = trace.length > MOST_LINES ? [`          … ${trace.length - MOST_LINES} lines`] : [];
  return [...cut, ...trace.slice(-MOST_LINES), violation?.message ?? ""];
}
