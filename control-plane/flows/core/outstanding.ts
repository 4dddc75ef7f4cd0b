import type { FlowDefinition } from "../model.ts";
import type { Command } from "./model.ts";
import { askCommand, phaseCommands } from "./phase-commands.ts";
import type { End, FlowState } from "./state.ts";
import { currentBlock, visitBlock } from "./under-way.ts";

/**
 * All that a run wants to have carried out: what an engine that knows only the state has to do to go on. Jobs that run are not among it: their
 * `started` was stored with them.
 */
export function outstanding(definition: FlowDefinition, state: FlowState): Command[] {
  const commands: Command[] = [];
  if (state.early !== undefined && state.end === undefined) commands.push({ kind: "answer_early", value: state.early });
  if (state.stage === "deciding") commands.push(askCommand("", "flow_skip"));
  const current = currentBlock(definition, state);
  if (current !== undefined)
    visitBlock(current.level, current.block, {
      step: (place, step) => commands.push(...phaseCommands(place, step)),
      item: (place, { value }) => {
        if (value !== undefined) commands.push(askCommand(place, "stop"));
      },
    });
  for (const { place, job } of state.leaving) commands.push({ kind: "cancel_job", place, job, reason: leavingReason(state) });
  if (state.end !== undefined && state.leaving.length === 0) commands.push(finishCommand(state.end));
  return commands;
}

/**
 * Whether a run still wants what this command asked for: an answer that took its time may come after a cancel, and its job need not be made.
 */
export function isWanted(definition: FlowDefinition, state: FlowState, command: Command): boolean {
  const wanted = JSON.stringify(command);
  return outstanding(definition, state).some((open) => JSON.stringify(open) === wanted);
}

export function finishCommand(end: End): Command {
  return { kind: "finish", ...end };
}

/** Why jobs are cancelled that nobody waits for any more. */
export function leavingReason({ end }: FlowState): string {
  return end?.outcome === "cancelled" && end.reason !== undefined ? end.reason : "the flow does not need this step any more";
}
