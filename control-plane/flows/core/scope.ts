import type { FlowDefinition, Module } from "../model.ts";
import { lastValue } from "./block.ts";
import { idsWithin } from "./inner.ts";
import type { Approval, Place, ScopeRefs, ValueRef } from "./model.ts";
import { FAILURE_PLACE, isLoop, type Level, levelWithin, parseBranch } from "./place.ts";
import type { BlockState, FlowState, Inner, ListState, StepDone, StepState } from "./state.ts";
import { currentBlock } from "./under-way.ts";

interface Gathered {
  readonly results: Map<string, ValueRef>;
  previous: ValueRef | undefined;
  readonly iterations: ScopeRefs["iterations"][number][];
  own: ValueRef | undefined;
  approvals: readonly Approval[];
  error: ScopeRefs["error"];
}

/**
 * What an expression at a place sees: results of the modules before it on its level and on all levels around it, and of what is within those, see
 * `Inner`. In a sequential loop, what
 * the iteration before made of its modules as well, until the iteration has results of its own: so state goes from one to the next. For a
 * place that is not under way: what is seen from the last step around it that is.
 */
export function scopeOf(definition: FlowDefinition, state: FlowState, place: Place): ScopeRefs {
  const gathered: Gathered = { results: new Map(), previous: undefined, iterations: [], own: undefined, approvals: [], error: undefined };
  const path = place.split("/");
  const failing = path[0] === FAILURE_PLACE && state.failure !== undefined;
  if (failing) {
    gathered.error = state.failure;
    gatherBlock(gathered, definition.modules, state.main);
  }
  const current = currentBlock(definition, state);
  if (current !== undefined && place !== "") walk(gathered, current.level, current.block, path, 0);
  return { ...gathered, inputs: state.inputs };
}

function walk(gathered: Gathered, level: Level, block: BlockState, path: readonly string[], at: number): void {
  gatherBlock(gathered, level.modules, block);
  const module = level.modules[block.done.length];
  const { step } = block;
  if (module === undefined || step === undefined || path[at] !== (level.name ?? module.id)) return;
  if (path.length === at + 1) {
    gathered.own = step.own;
    // What is thought about is this failure, also in the failure module.
    if (step.phase.kind === "asking" && step.phase.question === "retry_if") gathered.error = step.failure;
    gatherInner(gathered, step.inner);
    // In the rules after it its own id has its result as well, not that of the round before.
    if (step.own !== undefined) gathered.results.set(module.id, step.own);
  } else within(gathered, module, step, path, at + 1);
}

function within(gathered: Gathered, module: Module, step: StepState, path: readonly string[], at: number): void {
  const place = path.slice(0, at).join("/");
  const branch = parseBranch(path[at]);
  const { phase } = step;
  const level = branch === undefined ? undefined : levelWithin(module, place, branch, 1);
  if (level === undefined) return;
  if (phase.kind === "choice" && phase.branch === branch) walk(gathered, level, phase.block, path, at + 1);
  if (phase.kind !== "list" || typeof branch !== "number") return;
  const item = phase.list.open.find(({ index }) => index === branch);
  if (item === undefined) return;
  if (isLoop(module)) enterIteration(gathered, module, phase.list, place, branch);
  walk(gathered, level, item.block, path, at + 1);
  if (path.length === at + 1) gathered.own = item.value;
}

function enterIteration(gathered: Gathered, module: Module, list: ListState, place: Place, index: number): void {
  const run = list.run === undefined ? {} : { run: list.run };
  gathered.iterations.push({ place, index, hasList: module.value.kind === "forloop", ...run });
  if (list.last === undefined) return;
  const level = levelWithin(module, place, index, 1);
  if (level !== undefined) gatherDone(gathered, level.modules, list.last.done);
  gathered.previous = list.last.value;
}

function gatherBlock(gathered: Gathered, modules: readonly Module[], block: BlockState): void {
  gatherDone(gathered, modules, block.done);
  gathered.previous = lastValue(block) ?? gathered.previous;
  gathered.approvals = block.approvals ?? gathered.approvals;
}

function gatherDone(gathered: Gathered, modules: readonly Module[], done: readonly StepDone[]): void {
  for (const [at, { value, inner }] of done.entries()) {
    const module = modules[at];
    if (module === undefined) continue;
    // What the iteration before has made within it is over, also where this one has nothing.
    if (gathered.iterations.length > 0) for (const id of idsWithin(module)) gathered.results.delete(id);
    gatherInner(gathered, inner);
    gathered.results.set(module.id, value);
  }
}

function gatherInner({ results }: Gathered, inner: Inner | undefined): void {
  for (const [id, value] of Object.entries(inner ?? {})) results.set(id, value);
}
