import { AGENT_MUTATIONS } from "./agent-mutations.ts";
import { CLUSTER_MUTATIONS } from "./cluster-mutations.ts";
import type { DirectedName } from "./directed/directed-worlds.ts";
import { FLOW_MUTATIONS } from "./flow-mutations.ts";
import { KNOWN_SEEDS } from "./known-seeds.ts";
import { LIMIT_MUTATIONS } from "./limit-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { SCHEDULER_MUTATIONS } from "./scheduler-mutations.ts";
import { runTask, seedsFrom } from "./seed-workers.ts";
import { TIME_MUTATIONS } from "./time-mutations.ts";

export const MUTATIONS: readonly Mutation[] = [
  ...SCHEDULER_MUTATIONS,
  ...AGENT_MUTATIONS,
  ...TIME_MUTATIONS,
  ...CLUSTER_MUTATIONS,
  ...LIMIT_MUTATIONS,
  ...FLOW_MUTATIONS.map((mutation) => ({ ...mutation, ofFlows: true as const })),
];

/**
 * Plays the world that is made for a mutation; or else the seed that is known to find it, then all from 1 on.
 * @returns what breaks a promise, undefined when nothing of it does
 */
export async function catchMutation(mutation: Mutation, mostSeeds: number): Promise<number | DirectedName | undefined> {
  const { name, world, ofFlows = false } = mutation;
  const known = KNOWN_SEEDS[name];
  const seeds = world === undefined ? [...(known === undefined ? [] : [known]), ...seedsFrom(1, mostSeeds)] : [];
  return (await runTask({ seeds, worlds: world === undefined ? [] : [world], mutation, ofFlows, explainFailure: false })).failure?.seed;
}
