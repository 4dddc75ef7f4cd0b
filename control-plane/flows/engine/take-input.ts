import { assertNever } from "../../../kernel/assert-never.ts";
import { errorResult } from "../../../kernel/exit.ts";
import { PREPROCESSOR_PLACE } from "../core/place.ts";
import type { Carrier } from "./carrier.ts";
import type { RunInput } from "./run-inputs.ts";
import { type RunParts, wallMs } from "./run-parts.ts";
import type { RunState } from "./run-state.ts";
import type { Transition } from "./transition.ts";

/** Makes events of something that has come, as far as the run still wants it. */
export function takeInput(parts: RunParts, carrier: Carrier, to: Transition, state: RunState, input: RunInput): void {
  switch (input.kind) {
    case "go":
      return;
    case "ended":
      takeEnd(parts, carrier, to, state, input);
      return;
    case "asked":
      if (state.wants(input.command)) carrier.answer(input.command, input.evaluated);
      return;
    case "prepared":
      if (state.wants(input.command)) carrier.start(input.command, input.started);
      return;
    case "passing":
      if (state.wants(input.command)) carrier.pass(input.command, input.evaluated);
      return;
    case "recalled":
      if (state.wants(input.command)) carrier.recall(input.json);
      return;
    case "loaded":
      to.commands.push(input.command);
      return;
    case "approval": {
      const { number, place, approver, approved, payload } = input.approval;
      to.approvedBy(number);
      if (state.hasAnswered(place, approver)) return;
      carrier.apply({ kind: "approval", place, approval: { approver, approved, payload } });
      return;
    }
    case "due":
      for (const place of state.takeDue(wallMs(parts))) carrier.apply({ kind: "woke", place });
      return;
    case "cancel":
      carrier.apply({ kind: "cancel_asked", by: input.by, reason: input.reason });
      return;
    default:
      assertNever(input);
  }
}

function takeEnd(parts: RunParts, carrier: Carrier, to: Transition, state: RunState, input: Extract<RunInput, { kind: "ended" }>): void {
  const { job, place, outcome, resultJson, writes, cache, agent, folderLost } = input;
  to.causedBy(writes);
  state.leavers.ended(job);
  if (!state.runs({ place, job })) return;
  if (place === PREPROCESSOR_PLACE && outcome === "succeeded" && !resultJson.trimStart().startsWith("{")) {
    const json = errorResult("NoInputs", "the preprocessor must return an object: its members are the inputs of the flow");
    carrier.apply({ kind: "ended", place, job, outcome: "failed", value: { kind: "json", json }, jitter: parts.host.random() });
    return;
  }
  parts.values.keep(job, resultJson);
  if (cache !== undefined && outcome === "succeeded") to.keeps(cache.key, wallMs(parts) + cache.ttlS * 1000, resultJson);
  const where = state.definition.sameWorker ? { ...(agent !== undefined && { agent }), ...(folderLost === true && { folderLost }) } : {};
  carrier.apply({ kind: "ended", place, job, outcome, value: { kind: "job", job }, jitter: parts.host.random(), ...where });
}
