import type { FlowDefinition } from "../model.ts";
import type { Command } from "./model.ts";
import { askCommand, phaseCommands } from "./phase-commands.ts";
import type { End, FlowState } from "./state.ts";
import { currentBlock, openAt, visitBlock } from "./under-way.ts";

/**
 * All that a run wants to have carried out: what an engine that knows only the state has to do to go on. Jobs that run are not among it: their
 * `started` was stored with them.
 */
export function outstanding(definition: FlowDefinition, state: FlowState): Command[] {
  const commands = ofFlow(state);
  const current = currentBlock(definition, state);
  if (current !== undefined)
    visitBlock(current.level, current.block, {
      step: (place, step) => commands.push(...phaseCommands(place, step)),
      item: (place, { value }) => {
        if (value !== undefined) commands.push(askCommand(place, "stop"));
      },
    });
  return commands;
}

/**
 * Whether a run still wants what this command asked for: an answer that took its time may come after a cancel, and its job need not be made.
 * Costs the same however much is under way.
 */
export function isWanted(definition: FlowDefinition, state: FlowState, command: Command): boolean {
  const wanted = JSON.stringify(command);
  return wantedThere(definition, state, command).some((open) => JSON.stringify(open) === wanted);
}

function wantedThere(definition: FlowDefinition, state: FlowState, command: Command): Command[] {
  const place = "place" in command ? command.place : "";
  // What is not of a step is little.
  if (command.kind === "cancel_job" || place === "") return ofFlow(state);
  const open = openAt(definition, state, place);
  if (open?.step !== undefined) return phaseCommands(place, open.step);
  return open?.item?.value === undefined ? [] : [askCommand(place, "stop")];
}

/** What is not of a step that is under way. */
function ofFlow(state: FlowState): Command[] {
  const commands: Command[] = [];
  if (state.early !== undefined && state.end === undefined) commands.push({ kind: "answer_early", value: state.early });
  if (state.stage === "recalling") commands.push({ kind: "recall" });
  if (state.stage === "deciding") commands.push(askCommand("", "flow_skip"));
  for (const { place, job } of state.leaving) commands.push({ kind: "cancel_job", place, job, reason: leavingReason(state) });
  if (state.end !== undefined && state.leaving.length === 0) commands.push(finishCommand(state.end));
  return commands;
}

export function finishCommand(end: End): Command {
  return { kind: "finish", ...end };
}

/** Why jobs are cancelled that nobody waits for any more. */
export function leavingReason({ end }: FlowState): string {
  return end?.outcome === "cancelled" && end.reason !== undefined ? end.reason : "the flow does not need this step any more";
}
