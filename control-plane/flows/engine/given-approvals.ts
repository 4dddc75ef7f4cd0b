import type { Approval, Place } from "../core/model.ts";
import type { FlowState } from "../core/state.ts";
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
