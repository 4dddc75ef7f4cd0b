import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import type { JobQueue, WaitingJob } from "./model.ts";
import { queueOf, routeOf, type SchedulerState, sortsBefore, wakeTenant } from "./state-core.ts";

/**
 * A queue is hot at its head (in memory) and may be cold behind it (only rows in job_pending). Invariant: every cold row
 * sorts at or after `cursor`; an undefined cursor stands for the beginning. A refill reads rows from the cursor on, and
 * skips those that are in memory already. What is admitted while a refill reads is kept in `duringRefill`, since the
 * refill's snapshot may lack it, and is placed when it returns: so no row is ever skipped. `cold` is exact when it is 0
 * and an upper bound otherwise, because a cancelled cold row is not noticed until the next complete refill.
 */

const MAX_STALE = 64;

/** Counts a job as waiting from before its insert commits, so that none that comes later is dispatched ahead of it. */
export function reserveWaiting(state: SchedulerState, job: WaitingJob): void {
  const queue = queueFor(state, job);
  wakeTenant(state, queue.tenant);
  bump(queue, 1);
}

/** Takes back `reserveWaiting`: the insert failed, or the job was cancelled before it was admitted. */
export function unreserveWaiting(state: SchedulerState, job: WaitingJob): void {
  bump(queueFor(state, job), -1);
}

/** The row of a reserved job is committed in job_pending: it may be picked from now on. */
export function admitWaiting(state: SchedulerState, job: WaitingJob): void {
  const queue = queueFor(state, job);
  // The answer to its flush may come after that of a refill which has read the row, and even after its claim.
  if (isKnown(state, job)) {
    bump(queue, -1);
    return;
  }
  // What sorts before the cursor is not among the rows that the refill reads, and must not wait for it.
  if (queue.refilling && !(queue.cursor !== undefined && sortsBefore(job, queue.cursor))) {
    queue.duringRefill.push(job);
    return;
  }
  bump(queue, -1);
  place(state, queue, job);
}

/** Rows that an earlier owner left behind: all cold, read back on demand. */
export function admitCold(state: SchedulerState, group: { workspace: WorkspaceId; tag: string; language: string; count: number }): void {
  const queue = queueOf(state, routeOf(state, group.tag, group.language), group.workspace);
  wakeTenant(state, queue.tenant);
  setCold(state, queue, queue.cold + group.count);
}

/** Removes a job that waits in memory, e.g. because it is cancelled. @returns it, or undefined when it is not in memory */
export function removeWaiting(state: SchedulerState, id: JobId): WaitingJob | undefined {
  const job = state.waiting.get(id);
  if (job === undefined) return undefined;
  const queue = queueFor(state, job);
  takeOut(state, queue, job);
  // Removed jobs stay in the heap until they surface: without this, enqueue and cancel in turns would make it grow for ever.
  if (queue.hot.size > 2 * queue.hotCount + MAX_STALE) queue.hot.retain((entry) => state.waiting.get(entry.id) === entry);
  return job;
}

/** The next job of a queue, or undefined when nothing of it is in memory. */
export function popJob(state: SchedulerState, queue: JobQueue): WaitingJob | undefined {
  for (;;) {
    const job = queue.hot.pop();
    if (job === undefined) return undefined;
    if (state.waiting.get(job.id) !== job) continue;
    takeOut(state, queue, job);
    return job;
  }
}

/** Queues that want rows from the database, at most `most`. They count as refilling from now on. */
export function takeRefills(state: SchedulerState, most: number): JobQueue[] {
  const wanted: JobQueue[] = [];
  for (const queue of state.coldQueues) {
    if (wanted.length >= most) break;
    if (queue.refilling || queue.tenant.frozen || queue.hotCount > state.hotLimit / 4) continue;
    queue.refilling = true;
    wanted.push(queue);
  }
  return wanted;
}

/**
 * The rows of one refill, in queue order, from the cursor on.
 * @param complete the query returned fewer rows than its limit: its snapshot had no more
 */
export function finishRefill(state: SchedulerState, queue: JobQueue, rows: readonly WaitingJob[], complete: boolean): void {
  queue.refilling = false;
  let fresh = 0;
  for (const row of rows) {
    if (isKnown(state, row)) continue;
    pushHot(state, queue, row);
    fresh += 1;
  }
  queue.cursor = rows.at(-1) ?? queue.cursor;
  setCold(state, queue, complete ? 0 : Math.max(1, queue.cold - fresh));
  for (const job of queue.duringRefill.splice(0)) {
    bump(queue, -1);
    if (isKnown(state, job)) continue;
    place(state, queue, job);
  }
}

/** A refill failed; it will be asked for again. */
export function abortRefill(state: SchedulerState, queue: JobQueue): void {
  queue.refilling = false;
  const late = queue.duringRefill.splice(0);
  bump(queue, -late.length);
  // They sort at or after the cursor, as cold rows must: see admitWaiting.
  setCold(state, queue, queue.cold + late.length);
}

function place(state: SchedulerState, queue: JobQueue, job: WaitingJob): void {
  if (queue.cold > 0) {
    if (queue.cursor !== undefined && sortsBefore(job, queue.cursor)) pushHot(state, queue, job);
    else setCold(state, queue, queue.cold + 1);
    return;
  }
  // Over the limit only jobs behind the tail go cold: one with a better priority must not wait for a refill.
  if (queue.hotCount >= state.hotLimit && queue.tail !== undefined && sortsBefore(queue.tail, job)) {
    queue.cursor = job;
    setCold(state, queue, 1);
    return;
  }
  pushHot(state, queue, job);
  if (queue.hotCount > 2 * state.hotLimit) spill(state, queue);
}

/** Jobs of better priority keep coming ahead of a full memory: the worse half goes cold, its rows are in the database. */
function spill(state: SchedulerState, queue: JobQueue): void {
  const kept: WaitingJob[] = [];
  while (kept.length < state.hotLimit) {
    const job = popJob(state, queue);
    if (job === undefined) break;
    kept.push(job);
  }
  const first = popJob(state, queue);
  if (first === undefined) return;
  let spilled = 1;
  while (popJob(state, queue) !== undefined) spilled += 1;
  // Every cold row must sort at or after the cursor; an undefined one already stands for the beginning.
  if (queue.cold === 0 || (queue.cursor !== undefined && sortsBefore(first, queue.cursor))) queue.cursor = first;
  setCold(state, queue, queue.cold + spilled);
  queue.tail = undefined;
  for (const job of kept) pushHot(state, queue, job);
}

/** Routes that no agent serves and nobody waits on are forgotten: their names are free text. */
export function forgetIdleRoutes(state: SchedulerState): void {
  for (const route of state.routes.values()) {
    const served = route.shared.length > 0 || [...route.scoped.values()].some((agents) => agents.length > 0);
    if (!served && route.waiting === 0) {
      state.routes.delete(route.key);
      state.dirty.delete(route);
    }
  }
}

function pushHot(state: SchedulerState, queue: JobQueue, job: WaitingJob): void {
  if (queue.hotCount === 0 || queue.tail === undefined || sortsBefore(queue.tail, job)) queue.tail = job;
  state.waiting.set(job.id, job);
  queue.hot.push(job);
  queue.hotCount += 1;
  bump(queue, 1);
  announce(queue);
  state.dirty.add(queue.route);
}

/** Puts a queue with hot jobs into its route's heap. */
export function announce(queue: JobQueue): void {
  if (queue.inHeap || queue.hotCount === 0 || queue.tenant.frozen) return;
  queue.inHeap = true;
  queue.route.ready.push({ queue, pass: queue.tenant.pass });
}

function takeOut(state: SchedulerState, queue: JobQueue, job: WaitingJob): void {
  state.waiting.delete(job.id);
  queue.hotCount -= 1;
  bump(queue, -1);
}

function setCold(state: SchedulerState, queue: JobQueue, cold: number): void {
  bump(queue, cold - queue.cold);
  queue.cold = cold;
  if (cold > 0) state.coldQueues.add(queue);
  else state.coldQueues.delete(queue);
}

/** True when the job waits in memory or runs: a second entry of it would be dispatched again. */
function isKnown(state: SchedulerState, job: WaitingJob): boolean {
  return state.waiting.has(job.id) || state.running.has(job.id);
}

function queueFor(state: SchedulerState, job: WaitingJob): JobQueue {
  return queueOf(state, routeOf(state, job.tag, job.language), job.workspace);
}

function bump(queue: JobQueue, by: number): void {
  queue.route.waiting += by;
  queue.tenant.waiting += by;
}
