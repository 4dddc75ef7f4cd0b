/**
 * One step: skip_if → its own work, again after failures → stop rules → people → sleep. The work of loops and branches is in `list.ts` and
 * `choice.ts`. What an event says that the step's phase does not wait for is late or twice, and is passed over.
 */
import {
  afterStop,
  afterStopAll,
  answerEarly,
  doneOf,
  endPatience,
  failOutright,
  finishStep,
  setPhase,
  skipStep,
  stopOf,
  stopStep,
  succeed,
  takeApproval,
} from "./after-step.ts";
import { beginChoice, deliverChoice } from "./choice.ts";
import type { Context, Spot, StepEnd, WorkEnd } from "./context.ts";
import { evaluationFailure } from "./flow-errors.ts";
import { beginList, deliverList, goOnWithList } from "./list.ts";
import type { FlowEvent, Question } from "./model.ts";
import { isJob } from "./place.ts";
import { retryDelayMs } from "./retry-delay.ts";
import type { Failure, Phase } from "./state.ts";
import { stepJobs } from "./under-way.ts";

type Told<Kind extends FlowEvent["kind"]> = Extract<FlowEvent, { kind: Kind }>;

/** The step's turn has come. @returns how it ended; undefined while it waits for something */
export function enterStep(ctx: Context, spot: Spot): StepEnd | undefined {
  return spot.module.skipIf === undefined ? attempt(ctx, spot) : setPhase(ctx, spot, { kind: "asking", question: "skip" });
}

/** An event for the step, or for one within it: `path` goes on from `at`. */
export function deliverStep(ctx: Context, spot: Spot, path: readonly string[], at: number): StepEnd | undefined {
  if (path.length === at) return hear(ctx, spot);
  return settle(ctx, spot, spot.step.phase.kind === "list" ? deliverList(ctx, spot, path, at) : deliverChoice(ctx, spot, path, at));
}

function attempt(ctx: Context, spot: Spot): StepEnd | undefined {
  const { step, module, place } = spot;
  step.attempt += 1;
  delete step.failure;
  delete step.own;
  delete step.inner;
  if (module.mock !== undefined) return succeed(ctx, spot, { kind: "mock", place });
  const { value } = module;
  switch (value.kind) {
    case "rawscript":
    case "script":
    case "flow":
    case "aiagent":
      return setPhase(ctx, spot, { kind: "starting" });
    case "identity":
      return setPhase(ctx, spot, { kind: "passing" });
    case "forloop":
      return setPhase(ctx, spot, { kind: "asking", question: value.parallel && value.parallelism !== undefined ? "parallelism" : "iterator" });
    case "whileloop":
      return settle(ctx, spot, beginList(ctx, spot, { count: undefined }));
    case "branchall":
      return settle(ctx, spot, beginList(ctx, spot, { count: value.branches.length }));
    case "branchone":
      return tryBranch(ctx, spot, 0, value.branches.length);
  }
}

function tryBranch(ctx: Context, spot: Spot, branch: number, count: number): StepEnd | undefined {
  if (branch < count) return setPhase(ctx, spot, { kind: "asking", question: "branch", branch });
  return settle(ctx, spot, beginChoice(ctx, spot, "default"));
}

function settle(ctx: Context, spot: Spot, end: WorkEnd | undefined): StepEnd | undefined {
  switch (end?.kind) {
    case "value":
      return succeed(ctx, spot, end.value);
    case "failed":
      return fail(ctx, spot, end.failure, true);
    case "stopped":
      return stopStep(spot, end.stop);
    case undefined:
      return undefined;
  }
}

/** An attempt failed. @param mayHelp whether another one could end otherwise */
function fail(ctx: Context, spot: Spot, failure: Failure, mayHelp: boolean): StepEnd | undefined {
  const { step, module } = spot;
  step.failure = failure;
  step.own = failure.value;
  if (!mayHelp || retryDelayMs(module.retry, step.attempt, 0) === undefined) return failFinally(ctx, spot, failure);
  if (module.retry?.retryIf !== undefined) return setPhase(ctx, spot, { kind: "asking", question: "retry_if" });
  return retryLater(ctx, spot, failure);
}

function retryLater(ctx: Context, spot: Spot, failure: Failure): StepEnd | undefined {
  const delayMs = retryDelayMs(spot.module.retry, spot.step.attempt, ctx.state.jitter);
  if (delayMs === undefined) return failFinally(ctx, spot, failure);
  // Without a wait there is no timer. Not for loops and branches: those may end at once, thousands of times within each other.
  if (delayMs === 0 && isJob(spot.module)) return attempt(ctx, spot);
  return setPhase(ctx, spot, { kind: "retrying", untilMs: ctx.event.atMs + delayMs });
}

function failFinally(ctx: Context, spot: Spot, failure: Failure): StepEnd | undefined {
  return spot.module.continueOnError === true ? succeed(ctx, spot, failure.value) : failOutright(spot, failure);
}

function hear(ctx: Context, spot: Spot): StepEnd | undefined {
  const { event } = ctx;
  const { phase } = spot.step;
  switch (event.kind) {
    case "started":
      return start(ctx, spot, event);
    case "cached":
      return phase.kind === "starting" ? succeed(ctx, spot, event.value) : undefined;
    case "passed":
      return phase.kind === "passing" ? succeed(ctx, spot, event.value) : undefined;
    case "ended":
      return phase.kind === "running" && phase.job === event.job ? endAttempt(ctx, spot, event) : undefined;
    case "slept":
      return phase.kind === "asking" && phase.question === "sleep" ? sleep(ctx, spot, event.untilMs) : undefined;
    case "woke":
      return wake(ctx, spot);
    case "went_on":
      return settle(ctx, spot, goOnWithList(ctx, spot));
    case "approval":
      return takeApproval(ctx, spot, event.approval);
    case "reused":
      return reuse(ctx, spot, event);
    default:
      return phase.kind === "asking" ? answer(ctx, spot, phase) : evaluationOfInputs(ctx, spot);
  }
}

function start(ctx: Context, spot: Spot, event: Told<"started">): undefined {
  const { step } = spot;
  if (step.phase.kind === "running" && step.phase.job === event.job) ctx.taken = true;
  if (step.phase.kind !== "starting" || step.attempt !== event.attempt) return;
  ctx.taken = true;
  step.phase = { kind: "running", job: event.job };
}

function endAttempt(ctx: Context, spot: Spot, event: Told<"ended">): StepEnd | undefined {
  const { state } = ctx;
  if (event.folderLost === true) delete state.folder;
  else if (event.agent !== undefined && state.folder === undefined) state.folder = event.agent;
  if (event.outcome === "succeeded") return succeed(ctx, spot, event.value);
  // Somebody cancelled this very job: he does not want it to run again. What the steps before have left in a folder no attempt brings back.
  return fail(ctx, spot, { value: event.value, stepId: spot.module.id }, event.outcome === "failed" && event.folderLost !== true);
}

function sleep(ctx: Context, spot: Spot, untilMs: number): StepEnd | undefined {
  return untilMs <= ctx.event.atMs ? finishStep(spot) : setPhase(ctx, spot, { kind: "sleeping", untilMs });
}

function wake(ctx: Context, spot: Spot): StepEnd | undefined {
  const { phase } = spot.step;
  if (phase.kind !== "retrying" && phase.kind !== "sleeping" && phase.kind !== "suspended") return undefined;
  if (phase.untilMs === undefined) return undefined;
  if (ctx.event.atMs < phase.untilMs) {
    // Too early, by another clock or for an older wait: the timer is set again.
    ctx.commands.push({ kind: "timer", place: spot.place, atMs: phase.untilMs });
    return undefined;
  }
  if (phase.kind === "retrying") return attempt(ctx, spot);
  return phase.kind === "sleeping" ? finishStep(spot) : endPatience(ctx, spot);
}

function reuse(ctx: Context, spot: Spot, event: Told<"reused">): StepEnd | undefined {
  const { step, place, module } = spot;
  if (stepJobs(module, step, place).length > 0) return undefined;
  step.attempt = event.attempt;
  if (event.approvals !== undefined) step.approvals = event.approvals;
  if (event.inner !== undefined) step.inner = event.inner;
  answerEarly(ctx, spot, event.value);
  return { kind: "done", done: doneOf(spot, event.status, event.value) };
}

/** Inputs could not be evaluated: the same ones fail the same way, so that no other attempt helps. */
function evaluationOfInputs(ctx: Context, spot: Spot): StepEnd | undefined {
  const { event } = ctx;
  const { phase } = spot.step;
  if (event.kind !== "evaluation_failed" || event.question !== "inputs") return undefined;
  if (phase.kind !== "starting" && phase.kind !== "passing") return undefined;
  return fail(ctx, spot, evaluationFailure("inputs", event.message, spot.module.id), false);
}

type Asking = Extract<Phase, { kind: "asking" }>;

/** The answer to a question of the step. */
function answer(ctx: Context, spot: Spot, asked: Asking): StepEnd | undefined {
  const { event } = ctx;
  switch (event.kind) {
    case "skip_decided":
      if (asked.question !== "skip") return undefined;
      return event.skip ? skipStep(ctx, spot) : attempt(ctx, spot);
    case "branch_decided":
      if (asked.question !== "branch" || asked.branch !== event.branch) return undefined;
      return decideBranch(ctx, spot, event);
    case "parallelism_decided":
      if (asked.question !== "parallelism") return undefined;
      return setPhase(ctx, spot, { kind: "asking", question: "iterator", most: Math.max(1, Math.floor(event.most)) });
    case "iterator_opened":
      if (asked.question !== "iterator") return undefined;
      return settle(ctx, spot, beginList(ctx, spot, { count: event.count, parallelism: asked.most, run: event.run }));
    case "retry_decided":
      return asked.question === "retry_if" ? decideRetry(ctx, spot, event.retry) : undefined;
    case "stop_decided":
      return asked.question === event.question ? decideStop(ctx, spot, event) : undefined;
    case "evaluation_failed":
      return asked.question === event.question ? evaluationOf(ctx, spot, asked.question, event.message) : undefined;
    default:
      return undefined;
  }
}

function decideBranch(ctx: Context, spot: Spot, event: Told<"branch_decided">): StepEnd | undefined {
  if (event.taken) return settle(ctx, spot, beginChoice(ctx, spot, event.branch));
  const { value } = spot.module;
  return tryBranch(ctx, spot, event.branch + 1, value.kind === "branchone" ? value.branches.length : 0);
}

function decideRetry(ctx: Context, spot: Spot, retry: boolean): StepEnd | undefined {
  const { failure } = spot.step;
  if (failure === undefined) return undefined;
  return retry ? retryLater(ctx, spot, failure) : failFinally(ctx, spot, failure);
}

function decideStop(ctx: Context, spot: Spot, event: Told<"stop_decided">): StepEnd | undefined {
  const rule = event.question === "stop" ? spot.module.stopAfterIf : spot.module.stopAfterAllItersIf;
  const { own } = spot.step;
  if (event.stop && rule !== undefined && own !== undefined) return stopStep(spot, stopOf(rule, own, spot.module.id));
  return event.question === "stop" ? afterStop(ctx, spot) : afterStopAll(ctx, spot);
}

/** A question of the step could not be answered. */
function evaluationOf(ctx: Context, spot: Spot, question: Question, message: string): StepEnd | undefined {
  const failure = evaluationFailure(question, message, spot.module.id);
  switch (question) {
    // What the work itself brought is what people have to know; the event tells of the rest.
    case "retry_if":
      return decideRetry(ctx, spot, false);
    // The work is done: its result cannot stand for an answer that is not there.
    case "stop":
    case "stop_all":
    case "sleep":
      return failOutright(spot, failure);
    default:
      return fail(ctx, spot, failure, false);
  }
}
