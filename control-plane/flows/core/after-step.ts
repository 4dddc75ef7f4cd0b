/** What follows once a step has its value: stop rules → people → sleep → over. */
import type { StopRule } from "../model.ts";
import type { Context, Spot, StepEnd } from "./context.ts";
import { failureOf, NULL_REF } from "./flow-errors.ts";
import type { Approval, ValueRef } from "./model.ts";
import { phaseCommands } from "./phase-commands.ts";
import { isList, isLoop } from "./place.ts";
import type { Failure, Phase, StepDone, Stop } from "./state.ts";

/** The step waits in this phase from here on. */
export function setPhase(ctx: Context, spot: Spot, phase: Phase): undefined {
  spot.step.phase = phase;
  // It may wait for months: a folder is not kept for that.
  if (phase.kind === "suspended" || phase.kind === "sleeping") delete ctx.state.folder;
  for (const command of phaseCommands(spot.place, spot.step)) ctx.commands.push(command);
}

/** The step has its value; where `step.failure` is set it is an error object that is no matter. */
export function succeed(ctx: Context, spot: Spot, value: ValueRef): StepEnd | undefined {
  spot.step.own = value;
  answerEarly(ctx, spot, value);
  // A loop's own rule was asked after each of its iterations.
  if (spot.module.stopAfterIf === undefined || isLoop(spot.module)) return afterStop(ctx, spot);
  return setPhase(ctx, spot, { kind: "asking", question: "stop" });
}

export function afterStop(ctx: Context, spot: Spot): StepEnd | undefined {
  if (spot.module.stopAfterAllItersIf === undefined || !isList(spot.module)) return afterStopAll(ctx, spot);
  return setPhase(ctx, spot, { kind: "asking", question: "stop_all" });
}

export function afterStopAll(ctx: Context, spot: Spot): StepEnd | undefined {
  const { suspend } = spot.module;
  if (suspend === undefined || suspend.requiredEvents <= 0) return afterPeople(ctx, spot);
  const wait = { kind: "suspended", approvals: [] } as const;
  return setPhase(ctx, spot, suspend.timeoutS === undefined ? wait : { ...wait, untilMs: ctx.event.atMs + suspend.timeoutS * 1000 });
}

function afterPeople(ctx: Context, spot: Spot): StepEnd | undefined {
  return spot.module.sleep === undefined ? finishStep(spot) : setPhase(ctx, spot, { kind: "asking", question: "sleep" });
}

export function finishStep(spot: Spot): StepEnd {
  return { kind: "done", done: doneOf(spot, spot.step.failure === undefined ? "succeeded" : "failed", spot.step.own ?? NULL_REF) };
}

/** The step is not run: its result is null, and nothing is asked or waited for after it. */
export function skipStep(ctx: Context, spot: Spot): StepEnd {
  answerEarly(ctx, spot, NULL_REF);
  return { kind: "done", done: doneOf(spot, "skipped", NULL_REF) };
}

/** The step failed for good. */
export function failOutright(spot: Spot, failure: Failure): StepEnd {
  return { kind: "failed", done: doneOf(spot, "failed", failure.value), failure };
}

/** A stop rule holds, of the step or of one in its branches. */
export function stopStep(spot: Spot, stop: Stop): StepEnd {
  return { kind: "stopped", done: doneOf(spot, stop.failure === undefined ? "succeeded" : "failed", stop.failure?.value ?? stop.value), stop };
}

export function stopOf(rule: StopRule, value: ValueRef, stepId: string): Stop {
  const stop = { value, skip: rule.skipIfStopped };
  if (rule.errorMessage === undefined) return stop;
  const message = rule.errorMessage === "" ? `${stepId} stopped the flow` : rule.errorMessage;
  return { ...stop, failure: failureOf("EarlyStopError", message, stepId) };
}

/** Somebody has answered; enough have when as many as the rule wants approved. */
export function takeApproval(ctx: Context, spot: Spot, approval: Approval): StepEnd | undefined {
  const { phase } = spot.step;
  const rule = spot.module.suspend;
  if (phase.kind !== "suspended" || rule === undefined) return undefined;
  if (!approval.approved) {
    if (rule.continueOnDisapproveTimeout) return goOn(ctx, spot, [...phase.approvals, refusal(approval)]);
    ctx.cancel = { by: approval.approver, reason: "approval request disapproved" };
    return undefined;
  }
  // A link that is opened twice counts once.
  if (phase.approvals.some(({ approver }) => approver === approval.approver)) return undefined;
  const approvals = [...phase.approvals, approval];
  if (approvals.length >= rule.requiredEvents) return goOn(ctx, spot, approvals);
  // Those who were invited keep their links, the timer stands: no commands.
  spot.step.phase = { ...phase, approvals };
  return undefined;
}

/** Nobody answered in time. */
export function endPatience(ctx: Context, spot: Spot): StepEnd | undefined {
  const { phase } = spot.step;
  const rule = spot.module.suspend;
  if (phase.kind !== "suspended" || rule === undefined) return undefined;
  const message = `${phase.approvals.length} of ${rule.requiredEvents} approvals came within ${rule.timeoutS ?? 0} s`;
  if (!rule.continueOnDisapproveTimeout) return failOutright(spot, failureOf("SuspendedTimedOut", message, spot.module.id));
  const payload = JSON.stringify({ error: { name: "SuspendedTimedOut", message } });
  return goOn(ctx, spot, [...phase.approvals, { approver: "", approved: false, payload }]);
}

/** A refusal that the flow goes on after: `resume.error` tells it from an approval; what was said with it is `resume.error.payload`. */
function refusal({ approver, payload }: Approval): Approval {
  const error = JSON.stringify({ name: "SuspendedDisapproved", message: `Disapproved by ${approver}` });
  return { approver, approved: false, payload: `{"error":${error.slice(0, -1)},"payload":${payload === "" ? "null" : payload}}}` };
}

function goOn(ctx: Context, spot: Spot, approvals: readonly Approval[]): StepEnd | undefined {
  spot.step.approvals = approvals;
  return afterPeople(ctx, spot);
}

/** The step of `early_return` has its result: the first time counts. */
export function answerEarly(ctx: Context, spot: Spot, value: ValueRef): void {
  if (spot.module.id !== ctx.definition.earlyReturn || ctx.state.early !== undefined) return;
  ctx.state.early = value;
  ctx.commands.push({ kind: "answer_early", value });
}

export function doneOf({ step: { attempt, inner } }: Spot, status: StepDone["status"], value: ValueRef): StepDone {
  return { status, value, attempt, ...(inner !== undefined && { inner }) };
}
