/**
 * What a run wants next: a pure function of its definition, its state and one event.
 *
 * Stages: new → preprocessing → deciding (skip_expr) → running → failing (the failure module) → over; each but the first and last may be left
 * out. From every stage a cancel leads to over. `finish` is given once the run is over and no job of it runs any more.
 */
import { assertNever } from "../../../kernel/assert-never.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { FlowDefinition } from "../model.ts";
import { BLOCKS } from "./block.ts";
import type { BlockEnd, Context, Seen } from "./context.ts";
import { cancelledValue, evaluationFailure, NULL_REF } from "./flow-errors.ts";
import type { Command, FlowEvent, ListItem, Place } from "./model.ts";
import { finishCommand, leavingReason } from "./outstanding.ts";
import { askCommand } from "./phase-commands.ts";
import type { Level } from "./place.ts";
import type { BlockState, End, Failure, FlowState, Stop } from "./state.ts";
import { blockJobs, currentBlock } from "./under-way.ts";

export interface Advance {
  /** The state that was given, changed in place. */
  readonly state: FlowState;
  readonly commands: readonly Command[];
  /** To be stored beside the event. */
  readonly items: readonly ListItem[];
}

/**
 * Applies an event. The state is changed in place: whoever needs the old one copies it before (`structuredClone`). Events that nothing waits
 * for, late ones and repeated ones, change nothing. The event `started` of a step that does not want it any more is answered with a
 * `cancel_job`.
 * @param seen hears of steps and iterations that are over, for `restartFrom`
 */
export function advance(definition: FlowDefinition, state: FlowState, event: FlowEvent, seen?: Seen): Advance {
  const ctx: Context = { definition, state, event, commands: [], items: [], blocks: BLOCKS, seen, taken: false };
  if ("jitter" in event) state.jitter = event.jitter;
  apply(ctx);
  if (ctx.cancel !== undefined) cancel(ctx, ctx.cancel.by, ctx.cancel.reason);
  if (event.kind === "started" && !ctx.taken) sendAway(ctx, event.place, event.job);
  if (event.kind === "ended") seeOff(ctx, event.job);
  return { state, commands: ctx.commands, items: ctx.items };
}

function apply(ctx: Context): void {
  const { event, state } = ctx;
  switch (event.kind) {
    case "flow_started":
      if (state.stage === "new") begin(ctx, event.preprocess);
      return;
    case "flow_skip_decided":
      if (state.stage !== "deciding") return;
      return event.skip ? end(ctx, { outcome: "skipped", value: NULL_REF }) : runMain(ctx);
    case "cancel_asked":
      return cancel(ctx, event.by, event.reason);
    case "evaluation_failed":
      if (event.question !== "flow_skip") return deliver(ctx, event.place);
      if (state.stage === "deciding") failFlow(ctx, evaluationFailure("flow_skip", event.message, ""));
      return;
    default:
      return deliver(ctx, event.place);
  }
}

function begin(ctx: Context, preprocess: boolean): void {
  if (!preprocess || ctx.definition.preprocessor === undefined) return decide(ctx);
  enterSide(ctx, "preprocessing");
}

/** The preprocessor's or the failure module's turn has come. */
function enterSide(ctx: Context, stage: "preprocessing" | "failing"): void {
  ctx.state.stage = stage;
  ctx.state.side = { done: [] };
  goOn(ctx, (level, block) => ctx.blocks.run(ctx, level, block));
}

function decide(ctx: Context): void {
  if (ctx.definition.skipExpr === undefined) return runMain(ctx);
  ctx.state.stage = "deciding";
  ctx.commands.push(askCommand("", "flow_skip"));
}

function runMain(ctx: Context): void {
  ctx.state.stage = "running";
  goOn(ctx, (level, block) => ctx.blocks.run(ctx, level, block));
}

function deliver(ctx: Context, place: Place): void {
  goOn(ctx, (level, block) => ctx.blocks.deliver(ctx, level, block, place.split("/"), 0));
}

function goOn(ctx: Context, go: (level: Level, block: BlockState) => BlockEnd | undefined): void {
  const current = currentBlock(ctx.definition, ctx.state);
  const ended = current === undefined ? undefined : go(current.level, current.block);
  if (ended === undefined) return;
  if (ctx.state.stage === "preprocessing") afterPreprocessor(ctx, ended);
  else if (ctx.state.stage === "running") afterMain(ctx, ended);
  else afterFailureModule(ctx, ended);
}

function afterPreprocessor(ctx: Context, ended: BlockEnd): void {
  delete ctx.state.side;
  switch (ended.kind) {
    case "finished":
      if (ended.value !== undefined) ctx.state.inputs = ended.value;
      return decide(ctx);
    case "failed":
      return failFlow(ctx, ended.failure);
    case "stopped":
      return stopFlow(ctx, ended.stop);
    default:
      return assertNever(ended);
  }
}

function afterMain(ctx: Context, ended: BlockEnd): void {
  switch (ended.kind) {
    case "finished":
      return end(ctx, { outcome: "succeeded", value: ended.value ?? NULL_REF });
    case "failed":
      return failFlow(ctx, ended.failure);
    case "stopped":
      return stopFlow(ctx, ended.stop);
    default:
      return assertNever(ended);
  }
}

function stopFlow(ctx: Context, stop: Stop): void {
  if (stop.failure !== undefined) return failFlow(ctx, stop.failure);
  end(ctx, { outcome: stop.skip ? "skipped" : "succeeded", value: stop.value });
}

function failFlow(ctx: Context, failure: Failure): void {
  ctx.state.failure = failure;
  if (ctx.definition.failureModule === undefined) end(ctx, { outcome: "failed", value: failure.value, stepId: failure.stepId });
  else enterSide(ctx, "failing");
}

/** Whatever came of it is the result of the run, which has failed all the same. */
function afterFailureModule(ctx: Context, ended: BlockEnd): void {
  switch (ended.kind) {
    case "finished":
      return end(ctx, { outcome: "failed", value: ended.value ?? ctx.state.failure?.value ?? NULL_REF });
    case "failed":
      return end(ctx, { outcome: "failed", value: ended.failure.value, stepId: ended.failure.stepId });
    case "stopped":
      return end(ctx, { outcome: "failed", value: ended.stop.value });
    default:
      return assertNever(ended);
  }
}

/** Jobs are cancelled, everything else is dropped. The tree stays as it was, for people to see. */
function cancel(ctx: Context, by: string, reason: string): void {
  const { state, definition } = ctx;
  if (state.stage === "over") return;
  const current = currentBlock(definition, state);
  const running = current === undefined ? [] : blockJobs(current.level, current.block);
  state.leaving.push(...running);
  end(ctx, { outcome: "cancelled", value: cancelledValue(by, reason), reason });
  for (const { place, job } of running) ctx.commands.push({ kind: "cancel_job", place, job, reason: leavingReason(state) });
}

function end(ctx: Context, ended: End): void {
  ctx.state.stage = "over";
  ctx.state.end = ended;
  finishIfAlone(ctx);
}

function finishIfAlone({ state, commands }: Context): void {
  if (state.end !== undefined && state.leaving.length === 0) commands.push(finishCommand(state.end));
}

/** A job was made for a step that does not want it any more. */
function sendAway(ctx: Context, place: Place, job: JobId): void {
  if (ctx.state.leaving.some((at) => at.job === job)) return;
  ctx.state.leaving.push({ place, job });
  ctx.commands.push({ kind: "cancel_job", place, job, reason: leavingReason(ctx.state) });
}

function seeOff(ctx: Context, job: JobId): void {
  const at = ctx.state.leaving.findIndex((one) => one.job === job);
  if (at < 0) return;
  ctx.state.leaving.splice(at, 1);
  finishIfAlone(ctx);
}
