import { ChurnSet } from "../../../kernel/churn-map.ts";
import { Heap } from "../../../kernel/heap.ts";
import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import { isFlow } from "./flow-agent.ts";
import type { LimitSpec } from "./limit-model.ts";
import type { JobQueue, Limit, Line, ParkedQueue, RunningJob, Share, WaitingJob } from "./model.ts";
import { createWindow, isWindowEmpty, opensAtMs, recordStart, resizeWindow, type StoredWindow, startsLeft, type Window } from "./rate-core.ts";
import { announceQueue, changeHeld, headOf, releaseShares, withdrawQueue } from "./ready-core.ts";
import { type SchedulerState, sortsBefore, tenantOf } from "./state-core.ts";

/**
 * Limits: running caps and starts per window, each by a key of a workspace. Jobs with the same keys form a group, which waits as a whole: when
 * its turn comes and one of its limits is full, it is parked on that limit, out of the heaps. A permit that is given back, or a window that
 * opens, lets go as many groups as there is room for; one that cannot use it after all (it was parked elsewhere, or is empty) hands it on. So
 * a pick looks at a blocked group once per permit, waiting costs nothing, and no permit is left lying while somebody waits for it.
 *
 * Permits are counted from before the claim commits until after the end has committed, so that nobody can ever see one too many.
 */
const MAX_STALE = 64;

/** The limit of a spec, made if it is new. The definition of the job that was created last wins. */
export function limitOf(state: SchedulerState, workspace: WorkspaceId, spec: LimitSpec, job: JobId, nowMs: number | undefined): Limit {
  const known = state.limits.get(spec.id);
  if (known !== undefined) {
    if (job > known.definedBy) redefine(state, known, spec, job, nowMs);
    return known;
  }
  const limit: Limit = {
    id: spec.id,
    workspace,
    spec,
    definedBy: job,
    holders: new ChurnSet(),
    window: windowFor(state, spec),
    quiet: undefined,
    waiting: 0,
    lines: new Map(),
    parkedQueues: 0,
    parkedJobs: 0,
    queues: new Set(),
    wakeAtMs: undefined,
  };
  state.limits.set(spec.id, limit);
  return limit;
}

/** Permits that could be given out now. `nowMs` does not matter for a running cap. */
export function permitsLeft(limit: Limit, nowMs: number): number {
  const { spec, window, quiet } = limit;
  if (spec.kind === "running") return spec.max - limit.holders.size;
  if (spec.kind === "debounce") return quiet !== undefined && quiet.opensAtMs <= nowMs ? 1 : 0;
  return window === undefined ? 0 : startsLeft(window, nowMs);
}

/** When a limit that has no permit gives one by the passing of time; undefined for a running cap. */
export function opensAt(limit: Limit): number | undefined {
  return limit.window === undefined ? limit.quiet?.opensAtMs : opensAtMs(limit.window);
}

/**
 * Another job of a debounced key has come: the one that waits, which will be this one, waits on.
 * @param cameMs may lie before the arrival of one that waits already: the moment of a deferred job that is late
 */
export function prolong(limit: Limit, cameMs: number): void {
  if (limit.spec.kind !== "debounce") return;
  const { delayMs, maxMs } = limit.spec;
  const before = limit.waiting === 0 ? undefined : limit.quiet;
  const firstMs = Math.min(cameMs, before?.firstMs ?? cameMs);
  const quietAtMs = Math.max(cameMs + delayMs, before?.opensAtMs ?? 0);
  limit.quiet = { firstMs, opensAtMs: Math.min(quietAtMs, firstMs + (maxMs ?? Number.POSITIVE_INFINITY)) };
}

/**
 * A job that waits came under an earlier owner: the delays of its debounces go on from where they are. When the first came that it replaced
 * is not known. One that is tried again waits for the delay once more. @param waitedMs since it came, as far as clocks agree
 */
export function resumeDebounces(state: SchedulerState, job: WaitingJob, waitedMs: number, nowMs: number): void {
  if (job.attempt > 0) return;
  for (const { id } of job.limits?.specs ?? []) {
    const limit = state.limits.get(id);
    if (limit?.spec.kind !== "debounce") continue;
    const agoMs = Math.max(0, Math.min(waitedMs, limit.spec.delayMs));
    const quiet = { firstMs: nowMs - agoMs, opensAtMs: nowMs - agoMs + limit.spec.delayMs };
    // Of several that wait under one key the last one counts.
    if (limit.quiet === undefined || limit.quiet.opensAtMs < quiet.opensAtMs) limit.quiet = quiet;
  }
}

/** The first limit that has no permit left. */
export function fullLimit(limits: readonly Limit[], nowMs: number): Limit | undefined {
  return limits.find((limit) => permitsLeft(limit, nowMs) <= 0);
}

/** A job is claimed: it takes a permit of each of its limits. */
export function takePermits(state: SchedulerState, running: RunningJob, nowMs: number): void {
  const { job } = running;
  if (!isFlow(job)) tenantOf(state, job.workspace).permits += 1;
  for (const spec of job.limits?.specs ?? []) {
    const limit = limitOf(state, job.workspace, spec, job.id, nowMs);
    if (spec.kind === "running") limit.holders.add(running);
    else if (limit.window !== undefined) recordStart(limit.window, nowMs);
    else limit.quiet = undefined;
  }
}

/** A running row of an earlier owner: its permits are taken; its start is in the stored window. */
export function adoptPermits(state: SchedulerState, running: RunningJob): void {
  const { job } = running;
  if (!isFlow(job)) tenantOf(state, job.workspace).permits += 1;
  for (const spec of job.limits?.specs ?? []) {
    if (spec.kind === "running") limitOf(state, job.workspace, spec, job.id, undefined).holders.add(running);
  }
}

/** The end of an attempt is committed, or its claim never took effect. A start stays counted: whether it happened may not be known. */
export function givePermitsBack(state: SchedulerState, running: RunningJob): void {
  const { job } = running;
  const tenant = tenantOf(state, job.workspace);
  if (!isFlow(job)) {
    tenant.permits -= 1;
    releaseShares(state, tenant);
  }
  for (const spec of job.limits?.specs ?? []) {
    const limit = state.limits.get(spec.id);
    if (limit === undefined || !limit.holders.delete(running)) continue;
    wakeParked(state, limit, undefined);
    forgetLimit(state, limit);
  }
}

/** What is to be stored of the windows that a claimed job counts in, with its claim. */
export function windowsOf(state: SchedulerState, job: WaitingJob): { readonly id: string; readonly window: StoredWindow }[] {
  return (job.limits?.specs ?? []).flatMap(({ id }) => {
    const window = state.limits.get(id)?.window;
    if (window === undefined) return [];
    const { size, times, tatMs } = window;
    return [{ id, window: { size, times: [...times], tatMs: Number.isFinite(tatMs) ? tatMs : undefined } }];
  });
}

/** True when the job may start now as far as limits go, and nobody on its route waits for the same permits. */
export function mayStart(state: SchedulerState, share: Share, job: WaitingJob, nowMs: number): boolean {
  for (const spec of job.limits?.specs ?? []) {
    const limit = limitOf(state, job.workspace, spec, job.id, nowMs);
    const line = limit.lines.get(share);
    if (permitsLeft(limit, nowMs) - (line?.woken ?? 0) <= 0 || (line?.queues ?? 0) > 0) return false;
  }
  return true;
}

/** Takes a queue out of the heaps until the limit has a permit for it. The queue has a head. */
export function parkQueue(state: SchedulerState, queue: JobQueue, limit: Limit, nowMs: number): void {
  withdrawQueue(queue);
  changeHeld(queue.share, () => {
    queue.parkedOn = limit;
    queue.share.held += queue.waiting;
  });
  lineOf(limit, queue.share).queues += 1;
  limit.parkedQueues += 1;
  limit.parkedJobs += queue.waiting;
  state.wantRows.delete(queue);
  lineUp(state, queue);
  passOn(state, queue, nowMs);
  setTimer(state, limit, nowMs);
}

/** The head of a parked queue may have become a better one: then it moves ahead among the groups that wait for the same limit. */
export function lineUp(state: SchedulerState, queue: JobQueue): void {
  const { parkedOn: limit, parkedEntry } = queue;
  const head = headOf(state, queue);
  if (limit === undefined || head === undefined || (parkedEntry !== undefined && !sortsBefore(head, parkedEntry.head))) return;
  const entry: ParkedQueue = { queue, head };
  queue.parkedEntry = entry;
  const { parked, queues } = lineOf(limit, queue.share);
  parked.push(entry);
  if (parked.size > 2 * queues + MAX_STALE) parked.retain((kept) => kept.queue.parkedEntry === kept);
}

/** Lets a queue go that is parked, without a permit in view. */
export function unparkQueue(queue: JobQueue): void {
  const { parkedOn: limit, share } = queue;
  if (limit === undefined) return;
  changeHeld(share, () => {
    queue.parkedOn = undefined;
    share.held -= queue.waiting;
  });
  queue.parkedEntry = undefined;
  const line = lineOf(limit, share);
  line.queues -= 1;
  limit.parkedQueues -= 1;
  limit.parkedJobs -= queue.waiting;
  dropLine(limit, share, line);
}

/** The queue was tried, or is empty: if a permit was kept for it that it did not take, another may. */
export function passOn(state: SchedulerState, queue: JobQueue, nowMs: number | undefined): void {
  const limit = queue.wokenBy;
  if (limit === undefined) return;
  queue.wokenBy = undefined;
  const line = lineOf(limit, queue.share);
  line.woken -= 1;
  dropLine(limit, queue.share, line);
  wakeParked(state, limit, nowMs);
}

/**
 * Lets go as many parked groups of each route as the limit has permits for.
 * @param nowMs undefined: not known here, a rate limit is then looked at when `openWindows` is called next
 */
function wakeParked(state: SchedulerState, limit: Limit, nowMs: number | undefined): void {
  if (limit.parkedQueues === 0) return;
  if (limit.spec.kind !== "running" && nowMs === undefined) {
    setTimer(state, limit, undefined);
    return;
  }
  const left = permitsLeft(limit, nowMs ?? 0);
  for (const line of limit.lines.values()) {
    while (line.queues > 0 && left > line.woken) {
      const entry = line.parked.pop();
      if (entry === undefined) break;
      const { queue } = entry;
      if (queue.parkedEntry !== entry) continue;
      line.woken += 1;
      queue.wokenBy = limit;
      unparkQueue(queue);
      announceQueue(state, queue);
    }
  }
  if (limit.parkedQueues > 0 && nowMs !== undefined && left <= 0) setTimer(state, limit, nowMs);
}

/** Lets go what windows have opened for. Call it when `nextWakeMs` has come. */
export function openWindows(state: SchedulerState, nowMs: number): void {
  for (;;) {
    const timer = state.timers.peek();
    if (timer === undefined || timer.atMs > nowMs) return;
    state.timers.pop();
    const { limit } = timer;
    if (limit.wakeAtMs !== timer.atMs) continue;
    limit.wakeAtMs = undefined;
    wakeParked(state, limit, nowMs);
  }
}

/** When the next window opens for which somebody waits; monotonic, like all times here. */
export function nextWakeMs(state: SchedulerState): number | undefined {
  for (;;) {
    const timer = state.timers.peek();
    if (timer === undefined || timer.limit.wakeAtMs === timer.atMs) return timer?.atMs;
    state.timers.pop();
  }
}

/** Forgets a limit that nothing refers to. A window is kept until none of its starts counts any more. */
export function forgetLimit(state: SchedulerState, limit: Limit, nowMs?: number): void {
  if (limit.queues.size > 0 || limit.holders.size > 0) return;
  if (limit.window !== undefined && (nowMs === undefined || !isWindowEmpty(limit.window, nowMs))) return;
  state.limits.delete(limit.id);
}

/** Once in a while: windows whose starts have all passed. */
export function forgetOldWindows(state: SchedulerState, nowMs: number): void {
  for (const limit of state.limits.values()) if (limit.window !== undefined) forgetLimit(state, limit, nowMs);
}

function redefine(state: SchedulerState, limit: Limit, spec: LimitSpec, job: JobId, nowMs: number | undefined): void {
  limit.definedBy = job;
  const before = limit.spec;
  limit.spec = spec;
  if (spec.kind === "running" && before.kind === "running") {
    if (spec.max > before.max) wakeParked(state, limit, nowMs);
  } else if (spec.kind === "rate" && before.kind === "rate" && limit.window !== undefined) {
    if (spec.starts === before.starts && spec.windowMs === before.windowMs) return;
    resizeWindow(limit.window, spec, nowMs ?? limit.window.lastMs);
    wakeParked(state, limit, nowMs);
  }
}

function windowFor(state: SchedulerState, spec: LimitSpec): Window | undefined {
  if (spec.kind !== "rate") return undefined;
  const stored = state.storedWindows.get(spec.id);
  state.storedWindows.delete(spec.id);
  return createWindow(spec, stored);
}

/** A parked group of a rate limit or a debounce is looked at again when it opens; at once when the time is not known. */
function setTimer(state: SchedulerState, limit: Limit, nowMs: number | undefined): void {
  if (limit.spec.kind === "running") return;
  // A debounce of which nothing is known is that of a lost attempt: its delay begins anew.
  if (limit.quiet === undefined && nowMs !== undefined) prolong(limit, nowMs);
  // A millisecond ahead at least: rounding must not make the owner look at it again and again.
  const atMs = nowMs === undefined ? Number.NEGATIVE_INFINITY : Math.max(nowMs + 1, opensAt(limit) ?? nowMs);
  if (limit.wakeAtMs !== undefined && limit.wakeAtMs <= atMs) return;
  limit.wakeAtMs = atMs;
  state.timers.push({ atMs, limit });
}

function lineOf(limit: Limit, share: Share): Line {
  const known = limit.lines.get(share);
  if (known !== undefined) return known;
  const line: Line = { parked: new Heap((a, b) => sortsBefore(a.head, b.head)), queues: 0, woken: 0 };
  limit.lines.set(share, line);
  return line;
}

function dropLine(limit: Limit, share: Share, line: Line): void {
  if (line.queues === 0 && line.woken === 0) limit.lines.delete(share);
}
