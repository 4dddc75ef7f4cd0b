/**
 * What a run wants next: a pure function of its definition, its state and one event.
 *
 * Stages: new → preprocessing → recalling (cache_ttl) → deciding (skip_expr) → running → failing (the failure module) → over; each but the first and
 * last may be left out. From every stage a cancel leads to over. `finish` is given once the run is over and no job of it runs any more.
 */
import type { JobId } from "../../../kernel/ids.ts";
import type { FlowDefinition } from "../model.ts";
import { BLOCKS } from "./block.ts";
import type { BlockEnd, Context, Seen } from "./context.ts";
import { cancelledValue, evaluationFailure, NULL_REF } from "./flow-errors.ts";
import type { Command, FlowEvent, ListItem, Place, ValueRef } from "./model.ts";
import { finishCommand, leavingReason } from "./outstanding.ts";
import { askCommand } from "./phase-commands.ts";
import type { Level } from "./place.ts";
import { type BlockState, type End, type Failure, type FlowState, MOST_AT_ONCE, type Stop } from "./state.ts";
import { blockJobs, currentBlock } from "./under-way.ts";

/** Events of logs before this format began all that there was to begin: so they do when they are read again. */
const BOUNDED_FORMAT = 2;

interface Advance {
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
  if ("jitter" in event) state.jitter = event.jitter;
  if (event.format !== undefined) state.format = event.format;
  const left = (state.format ?? 0) < BOUNDED_FORMAT ? Number.POSITIVE_INFINITY : MOST_AT_ONCE;
  const ctx: Context = { definition, state, event, commands: [], items: [], blocks: BLOCKS, seen, taken: false, left };
  apply(ctx);
  if (ctx.cancel !== undefined) cancel(ctx, ctx.cancel.by, ctx.cancel.reason);
  if (event.kind === "started" && !ctx.taken) sendAway(ctx, event.place, event.job);
  if (event.kind === "ended") seeOff(ctx, event.job);
  return { state, commands: ctx.commands, items: ctx.items };
}

function apply(ctx: Context): void {
  const { event, state } = ctx;
  if (event.kind === "flow_started") {
    if (state.stage === "new") begin(ctx, event.preprocess);
  } else if (event.kind === "recalled") {
    if (state.stage === "recalling") afterRecall(ctx, event.value);
  } else if (event.kind === "flow_skip_decided") {
    if (state.stage === "deciding") afterDecision(ctx, event.skip);
  } else if (event.kind === "cancel_asked") cancel(ctx, event.by, event.reason);
  else if (event.kind !== "evaluation_failed" || event.question !== "flow_skip") deliver(ctx, event.place);
  else if (state.stage === "deciding") failFlow(ctx, evaluationFailure("flow_skip", event.message, ""));
}

function begin(ctx: Context, preprocess: boolean): void {
  if (preprocess && ctx.definition.preprocessor !== undefined) enterSide(ctx, "preprocessing");
  else decide(ctx);
}

/** The preprocessor's or the failure module's turn has come. */
function enterSide(ctx: Context, stage: "preprocessing" | "failing"): void {
  ctx.state.stage = stage;
  ctx.state.side = { done: [] };
  goOn(ctx, (level, block) => ctx.blocks.run(ctx, level, block));
}

function decide(ctx: Context): void {
  if (ctx.definition.cacheTtlS === undefined) {
    askWhetherToRun(ctx);
    return;
  }
  ctx.state.stage = "recalling";
  ctx.commands.push({ kind: "recall" });
}

function afterRecall(ctx: Context, value: ValueRef | undefined): void {
  if (value === undefined) {
    askWhetherToRun(ctx);
    return;
  }
  ctx.state.recalled = true;
  end(ctx, { outcome: "succeeded", value });
}

function askWhetherToRun(ctx: Context): void {
  ctx.state.stage = "deciding";
  if (ctx.definition.skipExpr === undefined) afterDecision(ctx, false);
  else ctx.commands.push(askCommand("", "flow_skip"));
}

function afterDecision(ctx: Context, skip: boolean): void {
  if (skip) end(ctx, { outcome: "skipped", value: NULL_REF });
  else {
    ctx.state.stage = "running";
    goOn(ctx, (level, block) => ctx.blocks.run(ctx, level, block));
  }
}

function deliver(ctx: Context, place: Place): void {
  goOn(ctx, (level, block) => ctx.blocks.deliver(ctx, level, block, place.split("/"), 0));
}

function goOn(ctx: Context, go: (level: Level, block: BlockState) => BlockEnd | undefined): void {
  const current = currentBlock(ctx.definition, ctx.state);
  const ended = current === undefined ? undefined : go(current.level, current.block);
  if (ended === undefined) return;
  if (ctx.state.stage === "failing") afterFailureModule(ctx, ended);
  else if (ended.kind === "failed") failFlow(ctx, ended.failure);
  else if (ended.kind === "stopped") stopFlow(ctx, ended.stop);
  else if (ctx.state.stage === "preprocessing") afterPreprocessor(ctx, ended.value);
  else end(ctx, { outcome: "succeeded", value: ended.value ?? NULL_REF });
}

function afterPreprocessor(ctx: Context, inputs: ValueRef | undefined): void {
  delete ctx.state.side;
  // One that was skipped leaves the inputs as they were.
  if (inputs !== undefined) ctx.state.inputs = inputs;
  decide(ctx);
}

function stopFlow(ctx: Context, { failure, skip, value }: Stop): void {
  if (failure === undefined) end(ctx, { outcome: skip ? "skipped" : "succeeded", value });
  else failFlow(ctx, failure);
}

function failFlow(ctx: Context, failure: Failure): void {
  ctx.state.failure = failure;
  if (ctx.definition.failureModule === undefined) end(ctx, { outcome: "failed", ...failure });
  else enterSide(ctx, "failing");
}

/** Whatever came of it is the result of the run, which has failed all the same. */
function afterFailureModule(ctx: Context, ended: BlockEnd): void {
  if (ended.kind === "failed") end(ctx, { outcome: "failed", ...ended.failure });
  else {
    const { failure } = ctx.state;
    const value = (ended.kind === "stopped" ? ended.stop.value : ended.value) ?? failure?.value ?? NULL_REF;
    end(ctx, { outcome: "failed", value, ...(failure !== undefined && { handled: failure.stepId }) });
  }
}

/** Jobs are cancelled, everything else is dropped. The tree stays as it was, for people to see. */
function cancel(ctx: Context, by: string, reason: string): void {
  const { state, definition } = ctx;
  if (state.stage === "over") return;
  const current = currentBlock(definition, state);
  const running = current === undefined ? [] : blockJobs(current.level, current.block);
  for (const at of running) state.leaving.push(at);
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
