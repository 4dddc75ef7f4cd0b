/**
 * Loops and branchalls: a block for each index, of which at most `most` are open. An index that ends is an item of the list and leaves the
 * state; the next one begins. What runs side by side always runs to its end: a failure that counts is remembered, and is the end of the whole
 * when nothing is open any more. One after the other, the first failure that counts is the end. What one event may begin is bounded: what is left is
 * begun by events of its own.
 */
import type { JobId } from "../../../kernel/ids.ts";
import { stopOf } from "./after-step.ts";
import type { BlockEnd, Context, Spot, WorkEnd } from "./context.ts";
import { evaluationFailure, failureOf, NULL_REF } from "./flow-errors.ts";
import { innerOf, setInner } from "./inner.ts";
import type { Place, StepStatus, ValueRef } from "./model.ts";
import { askCommand } from "./phase-commands.ts";
import { isLoop, isParallel, type Level, levelWithin, parseBranch } from "./place.ts";
import { type Failure, type Inner, type ListState, MOST_WHILE_ITERATIONS, mayBegin, type OpenItem, type Stop } from "./state.ts";

interface ListSize {
  /** Undefined: as many as it takes, for a whileloop. */
  readonly count: number | undefined;
  /** So many side by side; undefined: as many as are allowed. */
  readonly parallelism?: number | undefined;
  /** The flow job with which the iterator's list is stored, when it is not this one. */
  readonly run?: JobId | undefined;
}

/** The loop or branchall begins. */
export function beginList(ctx: Context, spot: Spot, { count, parallelism, run }: ListSize): WorkEnd | undefined {
  const { module } = spot;
  const allowed = mostOpen(ctx, spot, parallelism);
  const most = isParallel(module) ? Math.max(1, Math.min(allowed, count ?? 1)) : 1;
  const list: ListState = { most, next: 0, open: [], ...(count === undefined ? {} : { count }), ...(run === undefined ? {} : { run }) };
  spot.step.phase = { kind: "list", list };
  return fill(ctx, spot, list);
}

function mostOpen({ definition }: Context, { module, share }: Spot, parallelism: number | undefined): number {
  // Steps that share a folder run one at a time.
  if (definition.sameWorker) return 1;
  // Branches that run side by side may wait for each other's people and times: all begin. Their number is in the definition.
  return module.value.kind === "branchall" ? Number.POSITIVE_INFINITY : Math.min(share, parallelism ?? share);
}

/** An event within an iteration or branch, or about it. */
export function deliverList(ctx: Context, spot: Spot, path: readonly string[], at: number): WorkEnd | undefined {
  const { phase } = spot.step;
  const index = parseBranch(path[at]);
  if (phase.kind !== "list") return undefined;
  const item = phase.list.open.find((open) => open.index === index);
  if (item === undefined) return undefined;
  if (path.length === at + 1) aboutItem(ctx, spot, phase.list, item);
  else {
    const level = levelOf(spot, phase.list, item.index);
    const end = level === undefined || item.value !== undefined ? undefined : ctx.blocks.deliver(ctx, level, item.block, path, at + 1);
    if (end === undefined) return undefined;
    endItem(ctx, spot, phase.list, item, end);
  }
  return fill(ctx, spot, phase.list);
}

/** The level of one of the list's blocks: what may be open of inner lists is divided among those side by side. */
function levelOf({ module, place, share }: { module: Spot["module"]; place: Place; share: number }, list: ListState, index: number): Level | undefined {
  return levelWithin(module, place, index, Math.max(1, Math.floor(share / list.most)));
}

/** What an event before has left is begun. */
export function goOnWithList(ctx: Context, spot: Spot): WorkEnd | undefined {
  const { phase } = spot.step;
  return phase.kind === "list" && mayBegin(phase.list) ? fill(ctx, spot, phase.list) : undefined;
}

/** Begins what may begin. A loop, not recursion: hundreds of iterations may end at once. */
function fill(ctx: Context, spot: Spot, list: ListState): WorkEnd | undefined {
  while (ctx.left > 0 && mayBegin(list)) {
    ctx.left -= 1;
    const level = levelOf(spot, list, list.next);
    if (list.count === undefined && list.next >= MOST_WHILE_ITERATIONS) {
      list.broken = true;
      list.failure = failureOf(
        "LoopLimitError",
        `the loop did not stop within ${MOST_WHILE_ITERATIONS} iterations: does its stop_after_if ever hold?`,
        spot.module.id,
      );
    } else if (level !== undefined) {
      const item: OpenItem = { index: list.next, block: { done: [] } };
      list.next += 1;
      list.open.push(item);
      const end = ctx.blocks.run(ctx, level, item.block);
      if (end !== undefined) endItem(ctx, spot, list, item, end);
    } else list.broken = true;
  }
  if (mayBegin(list)) {
    ctx.commands.push({ kind: "go_on", place: spot.place });
    return undefined;
  }
  if (list.open.length > 0) return undefined;
  setInner(spot.step, innerOfList(spot, list));
  if (list.failure !== undefined) return { kind: "failed", failure: list.failure };
  if (list.stop !== undefined) return { kind: "stopped", stop: list.stop };
  return { kind: "value", value: { kind: "list", place: spot.place, count: list.next } };
}

/** After iterations side by side there is none that was the last. */
function innerOfList(spot: Spot, list: ListState): Inner | undefined {
  if (!isLoop(spot.module)) return list.inner;
  return list.last === undefined ? undefined : innerOf(levelOf(spot, list, 0)?.modules ?? [], list.last.done);
}

function endItem(ctx: Context, spot: Spot, list: ListState, item: OpenItem, end: BlockEnd): void {
  if (end.kind === "finished") afterItem(ctx, spot, list, item, end.value ?? NULL_REF);
  else if (end.kind === "stopped") stopItem(ctx, spot, list, item, end.stop);
  else if (!failureIsNoMatter(spot, item.index)) failItem(ctx, spot, list, item, end.failure);
  else {
    item.failed = true;
    afterItem(ctx, spot, list, item, end.failure.value);
  }
}

/** An iteration has its value: the loop's own rule is asked about it. */
function afterItem(ctx: Context, spot: Spot, list: ListState, item: OpenItem, value: ValueRef): void {
  if (spot.module.stopAfterIf === undefined || !isLoop(spot.module)) closeItem(ctx, spot, list, item, value);
  else {
    item.value = value;
    ctx.commands.push(askCommand(itemPlace(spot, item), "stop"));
  }
}

/** What an event says of an iteration as a whole. */
function aboutItem(ctx: Context, spot: Spot, list: ListState, item: OpenItem): void {
  const { event } = ctx;
  const rule = spot.module.stopAfterIf;
  if (event.kind === "reused") {
    item.failed = event.status === "failed";
    if (event.inner !== undefined) item.inner = event.inner;
    closeItem(ctx, spot, list, item, event.value);
  } else if (item.value === undefined || rule === undefined) return;
  else if (event.kind === "stop_decided" && event.question === "stop") {
    if (event.stop) stopItem(ctx, spot, list, item, stopOf(rule, item.value, spot.module.id));
    else closeItem(ctx, spot, list, item, item.value);
  } else if (event.kind === "evaluation_failed" && event.question === "stop") {
    list.broken = true;
    failItem(ctx, spot, list, item, evaluationFailure("stop", event.message, spot.module.id));
  }
}

/** A stop rule holds: it breaks the loop; in a branchall it is for the loop around it, or the flow. */
function stopItem(ctx: Context, spot: Spot, list: ListState, item: OpenItem, stop: Stop): void {
  list.broken = true;
  if (!isLoop(spot.module)) {
    list.stop ??= stop;
    item.failed = stop.failure !== undefined;
    closeItem(ctx, spot, list, item, stop.failure?.value ?? stop.value);
  } else if (stop.failure === undefined) closeItem(ctx, spot, list, item, stop.value);
  else if (!failureIsNoMatter(spot, item.index)) failItem(ctx, spot, list, item, stop.failure);
  else {
    item.failed = true;
    closeItem(ctx, spot, list, item, stop.failure.value);
  }
}

function failItem(ctx: Context, spot: Spot, list: ListState, item: OpenItem, failure: Failure): void {
  list.failure ??= failure;
  if (!isParallel(spot.module)) list.broken = true;
  item.failed = true;
  closeItem(ctx, spot, list, item, failure.value);
}

function closeItem(ctx: Context, spot: Spot, list: ListState, item: OpenItem, value: ValueRef): void {
  list.open.splice(list.open.indexOf(item), 1);
  ctx.items.push({ place: spot.place, index: item.index, value });
  if (isLoop(spot.module) && !isParallel(spot.module)) list.last = { done: item.block.done, value };
  const inner = isLoop(spot.module) ? undefined : (item.inner ?? innerOf(levelOf(spot, list, item.index)?.modules ?? [], item.block.done));
  if (inner !== undefined) list.inner = { ...list.inner, ...inner };
  const status: StepStatus = item.failed === true ? "failed" : "succeeded";
  ctx.seen?.(itemPlace(spot, item), { status, value, attempt: 1, ...(inner !== undefined && { inner }) }, undefined);
}

function itemPlace(spot: Spot, item: OpenItem): Place {
  return `${spot.place}/${item.index}`;
}

function failureIsNoMatter({ module: { value } }: Spot, index: number): boolean {
  switch (value.kind) {
    case "forloop":
    case "whileloop":
      return value.skipFailures;
    case "branchall":
      return value.branches[index]?.skipFailure ?? false;
    default:
      return false;
  }
}
