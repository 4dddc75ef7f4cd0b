import type { FlowDefinition, Module } from "../model.ts";
import type { Place, StepView, ValueRef } from "./model.ts";
import { FAILURE_PLACE, type Level, levelWithin, PREPROCESSOR_PLACE, placeOn } from "./place.ts";
import type { BlockState, FlowState, StepDone, StepState } from "./state.ts";
import { mainLevel } from "./under-way.ts";

/** Of a loop so many of the iterations that are open are shown. */
const MOST_ITEMS = 20;
const MOST_VIEWS = 500;

/**
 * What people see of a run: the modules of the flow in their order, and of those under way what is within them. What is within a step that is
 * over is not known any more; of a loop or branchall it is said how many are over. At most MOST_VIEWS.
 */
export function stepsOf(definition: FlowDefinition, state: FlowState): StepView[] {
  const views: StepView[] = [];
  const look = { views, over: state.stage === "over", state };
  const { preprocessor, failureModule } = definition;
  if (preprocessor !== undefined && state.inputs !== undefined)
    views.push(doneView(PREPROCESSOR_PLACE, { status: "succeeded", value: state.inputs, attempt: 1 }));
  if (preprocessor !== undefined && state.stage === "preprocessing") viewSide(look, preprocessor, PREPROCESSOR_PLACE);
  viewBlock(look, mainLevel(definition), state.main);
  if (failureModule !== undefined && state.failure !== undefined) viewSide(look, failureModule, FAILURE_PLACE);
  return views.slice(0, MOST_VIEWS);
}

interface Look {
  readonly views: StepView[];
  /** Nothing goes on any more: what was under way was cancelled. */
  readonly over: boolean;
  readonly state: FlowState;
}

function viewSide(look: Look, module: Module, name: string): void {
  if (look.state.side !== undefined) viewBlock(look, { modules: [module], prefix: "", name, share: 1 }, look.state.side);
}

function viewBlock(look: Look, level: Level, block: BlockState): void {
  for (const [at, module] of level.modules.entries()) {
    if (look.views.length >= MOST_VIEWS) return;
    const place = placeOn(level, module);
    const done = block.done[at];
    if (done !== undefined) look.views.push(doneView(place, done));
    else if (at === block.done.length && block.step !== undefined) viewStep(look, module, block.step, place);
    else if (!look.over) look.views.push({ place, status: "waiting", job: undefined, attempt: 0 });
  }
}

function doneView(place: Place, { status, value, attempt }: StepDone): StepView {
  return { place, status, job: jobOf(value), attempt, ...(value.kind === "list" ? { done: value.count, count: value.count } : {}) };
}

function viewStep(look: Look, module: Module, step: StepState, place: Place): void {
  const view = openView(place, module, step);
  look.views.push(look.over ? { ...view, status: "cancelled" } : view);
  const { phase } = step;
  if (phase.kind === "choice") viewWithin(look, levelWithin(module, place, phase.branch, 1), phase.block);
  if (phase.kind !== "list") return;
  for (const { index, block } of phase.list.open.slice(0, MOST_ITEMS)) viewWithin(look, levelWithin(module, place, index, 1), block);
}

function viewWithin(look: Look, level: Level | undefined, block: BlockState): void {
  if (level !== undefined) viewBlock(look, level, block);
}

function openView(place: Place, module: Module, step: StepState): StepView {
  const { phase, attempt } = step;
  const base = { place, attempt, job: step.own === undefined ? undefined : jobOf(step.own) };
  switch (phase.kind) {
    case "asking":
      return { ...base, status: phase.question === "retry_if" ? "retrying" : "waiting", asks: phase.question };
    case "passing":
    case "starting":
      return { ...base, status: "waiting", asks: "inputs" };
    case "running":
      return { ...base, status: "running", job: phase.job };
    case "choice":
      return { ...base, status: "running" };
    case "list": {
      const { open, next, count } = phase.list;
      return { ...base, status: "running", done: next - open.length, ...(count === undefined ? {} : { count }) };
    }
    case "retrying":
      return { ...base, status: "retrying", untilMs: phase.untilMs };
    case "sleeping":
      return { ...base, status: "sleeping", untilMs: phase.untilMs };
    case "suspended": {
      const given = { done: phase.approvals.length, count: module.suspend?.requiredEvents ?? 1 };
      return { ...base, status: "suspended", ...given, ...(phase.untilMs === undefined ? {} : { untilMs: phase.untilMs }) };
    }
  }
}

function jobOf(value: ValueRef): StepView["job"] {
  return value.kind === "job" ? value.job : undefined;
}
