import type { SourcePlan } from "../load/generator-messages.ts";
import type { Times } from "../world/stage.ts";
import { NOOP_SCRIPT } from "../world/world.ts";

/** Jobs that do nothing, for one workspace, from the start of a stage to the end of its window unless something else is said. */
export function noopJobs(
  { startUs, toUs }: Times,
  wanted: Pick<SourcePlan, "batch" | "pace" | "seed"> & { readonly workspace: string } & Partial<Pick<SourcePlan, "source" | "sleepMs" | "startUs" | "forMs">>,
): SourcePlan {
  const { workspace, ...fields } = wanted;
  return { source: 0, target: { kind: "one", workspace }, script: NOOP_SCRIPT, sleepMs: 0, startUs, forMs: (toUs - startUs) / 1000, ...fields };
}

/** An open loop with exponential gaps. */
export function poisson(perS: number): SourcePlan["pace"] {
  return { kind: "open", arrivals: { kind: "poisson", perS } };
}

/** An open loop with equal gaps. */
export function evenly(perS: number): SourcePlan["pace"] {
  return { kind: "open", arrivals: { kind: "constant", perS } };
}
