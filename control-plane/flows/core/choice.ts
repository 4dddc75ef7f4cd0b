/** A branchone: the first branch whose expression is true, else the default. */
import type { BlockEnd, Context, Spot, WorkEnd } from "./context.ts";
import { NULL_REF } from "./flow-errors.ts";
import { innerOf, setInner } from "./inner.ts";
import { type Level, levelWithin } from "./place.ts";
import type { BlockState, Branch } from "./state.ts";

/** The branch is known and begins. */
export function beginChoice(ctx: Context, spot: Spot, branch: Branch): WorkEnd | undefined {
  const block: BlockState = { done: [] };
  spot.step.phase = { kind: "choice", branch, block };
  const level = levelWithin(spot.module, spot.place, branch, spot.share);
  return level === undefined ? { kind: "value", value: NULL_REF } : endOf(spot, level, block, ctx.blocks.run(ctx, level, block));
}

/** An event within the branch. */
export function deliverChoice(ctx: Context, spot: Spot, path: readonly string[], at: number): WorkEnd | undefined {
  const { phase } = spot.step;
  if (phase.kind !== "choice" || path[at] !== String(phase.branch)) return undefined;
  const level = levelWithin(spot.module, spot.place, phase.branch, spot.share);
  return level === undefined ? undefined : endOf(spot, level, phase.block, ctx.blocks.deliver(ctx, level, phase.block, path, at + 1));
}

function endOf({ step }: Spot, { modules }: Level, { done }: BlockState, end: BlockEnd | undefined): WorkEnd | undefined {
  if (end !== undefined) setInner(step, innerOf(modules, done));
  return end?.kind === "finished" ? { kind: "value", value: end.value ?? NULL_REF } : end;
}
