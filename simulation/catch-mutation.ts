import { AGENT_MUTATIONS } from "./agent-mutations.ts";
import { CLUSTER_MUTATIONS } from "./cluster-mutations.ts";
import { KNOWN_SEEDS } from "./known-seeds.ts";
import { LIMIT_MUTATIONS } from "./limit-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { SCHEDULER_MUTATIONS } from "./scheduler-mutations.ts";
import { runTask, seedsFrom } from "./seed-workers.ts";
import { TIME_MUTATIONS } from "./time-mutations.ts";

export const MUTATIONS: readonly Mutation[] = [...SCHEDULER_MUTATIONS, ...AGENT_MUTATIONS, ...TIME_MUTATIONS, ...CLUSTER_MUTATIONS, ...LIMIT_MUTATIONS];

/** Tries the seed that is known to find a mutation, then all from 1 on. @returns the seed that breaks a promise, undefined when none of them does */
export async function catchMutation(mutation: Mutation, mostSeeds: number): Promise<number | undefined> {
  const known = KNOWN_SEEDS[mutation.name];
  const seeds = [...(known === undefined ? [] : [known]), ...seedsFrom(1, mostSeeds)];
  return (await runTask({ seeds, mutation, explainFailure: false })).failure?.seed;
}
