import type { Approval, Place } from "../core/model.ts";
import type { BlockState, FlowState } from "../core/state.ts";
import { currentBlock, visitBlock } from "../core/under-way.ts";
import type { FlowDefinition } from "../model.ts";

/** Answers that the step at a place has by now; none when it does not wait for people. */
export function givenApprovals(definition: FlowDefinition, state: FlowState, at: Place): readonly Approval[] {
  let given: readonly Approval[] = [];
  const current = currentBlock(definition, state);
  if (current !== undefined)
    visitBlock(current.level, current.block, {
      step: (place, { phase }) => {
        if (place === at && phase.kind === "suspended") given = phase.approvals;
      },
    });
  return given;
}

/** All answers that are in the state: those of steps that wait, and those that expressions behind a step may ask for. */
export function keptApprovals({ main, side }: FlowState): readonly Approval[] {
  return [...inBlock(main), ...(side === undefined ? [] : inBlock(side))];
}

function inBlock({ approvals = [], step }: BlockState): Approval[] {
  if (step === undefined) return [...approvals];
  const { phase } = step;
  const found = [...approvals, ...(step.approvals ?? [])];
  if (phase.kind === "suspended") found.push(...phase.approvals);
  else if (phase.kind === "choice") found.push(...inBlock(phase.block));
  else if (phase.kind === "list") for (const { block } of phase.list.open) found.push(...inBlock(block));
  return found;
}
