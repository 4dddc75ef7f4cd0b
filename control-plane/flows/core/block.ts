/** Modules one after the other. */
import type { BlockEnd, Blocks, Context, StepEnd } from "./context.ts";
import type { Place, ValueRef } from "./model.ts";
import { type Level, placeOn } from "./place.ts";
import type { BlockState, StepState } from "./state.ts";
import { deliverStep, enterStep } from "./step.ts";

export const BLOCKS: Blocks = { run: runBlock, deliver: deliverBlock };

function runBlock(ctx: Context, level: Level, block: BlockState): BlockEnd | undefined {
  for (;;) {
    const module = level.modules[block.done.length];
    if (module === undefined) return { kind: "finished", value: lastValue(block) };
    // Its first phase stands for a moment only: entering sets the real one.
    const step: StepState = { attempt: 0, phase: { kind: "starting" } };
    block.step = step;
    ctx.left -= 1;
    const place = placeOn(level, module);
    const end = enterStep(ctx, { place, module, step, share: level.share });
    if (end === undefined) return undefined;
    const over = closeStep(ctx, block, place, end);
    if (over !== undefined) return over;
  }
}

function deliverBlock(ctx: Context, level: Level, block: BlockState, path: readonly string[], at: number): BlockEnd | undefined {
  const module = level.modules[block.done.length];
  const { step } = block;
  if (module === undefined || step === undefined || path[at] !== (level.name ?? module.id)) return undefined;
  const place = placeOn(level, module);
  const end = deliverStep(ctx, { place, module, step, share: level.share }, path, at + 1);
  if (end === undefined) return undefined;
  return closeStep(ctx, block, place, end) ?? runBlock(ctx, level, block);
}

/** @returns how the block ended with the step; undefined when the next one's turn has come */
function closeStep(ctx: Context, block: BlockState, place: Place, end: StepEnd): BlockEnd | undefined {
  const approvals = block.step?.approvals;
  delete block.step;
  block.done.push(end.done);
  if (approvals !== undefined) block.approvals = approvals;
  ctx.seen?.(place, end.done, approvals);
  switch (end.kind) {
    case "done":
      return undefined;
    case "failed":
      return { kind: "failed", failure: end.failure };
    case "stopped":
      return { kind: "stopped", stop: end.stop };
  }
}

/** The result of a block is that of the last step that was run. */
export function lastValue(block: Pick<BlockState, "done">): ValueRef | undefined {
  return block.done.findLast(({ status }) => status !== "skipped")?.value;
}
