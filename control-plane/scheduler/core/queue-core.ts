import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import { NO_GROUP } from "./limit-model.ts";
import { forgetLimit, limitOf, lineUp, passOn, unparkQueue } from "./limits-core.ts";
import type { JobQueue, Limit, Share, WaitingJob } from "./model.ts";
import { announceQueue, changeHeld, headOf, withdrawQueue } from "./ready-core.ts";
import { createQueue, groupOf, routeOf, type SchedulerState, shareOf, shareOfJob, sortsBefore } from "./state-core.ts";

/**
 * A queue is hot at its head (in memory) and may be cold behind it (only rows in job_pending). Invariant: every cold row
 * sorts at or after `cursor`; an undefined cursor stands for the beginning. A refill reads rows from the cursor on, and
 * skips those that are in memory already. What is admitted while a refill reads is kept in `duringRefill`, since the
 * refill's snapshot may lack it, and is placed when it returns: so no row is ever skipped. `cold` is exact when it is 0
 * and an upper bound otherwise, because a cancelled cold row is not noticed until the next complete refill.
 */

const MAX_STALE = 64;
/**
 * Jobs in memory of one group with limits: it rarely runs many at a time. When all groups of a workspace on a route have filled what a queue
 * may hold, each gets by with a few.
 */
const GROUP_HOT = 1000;
const GROUP_HOT_CROWDED = 8;
const NO_LIMITS: readonly Limit[] = [];

/** Counts a job as waiting from before its insert commits, so that none that comes later is dispatched ahead of it. */
export function reserveWaiting(state: SchedulerState, job: WaitingJob): void {
  bump(queueFor(state, job), 1);
}

/** Takes back `reserveWaiting`: the insert failed, or the job was cancelled before it was admitted. */
export function unreserveWaiting(state: SchedulerState, job: WaitingJob): void {
  const queue = queueFor(state, job);
  bump(queue, -1);
  dropIfEmpty(state, queue);
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

/** Waiting rows that an earlier owner left behind. */
export interface ColdGroup {
  readonly workspace: WorkspaceId;
  readonly tag: string;
  readonly language: string;
  readonly count: number;
  /** One of its jobs, the one that was created last; undefined for jobs without limits. */
  readonly newest: WaitingJob | undefined;
}

/** Rows that an earlier owner left behind: all cold, read back on demand. */
export function admitCold(state: SchedulerState, group: ColdGroup): void {
  const { workspace, tag, language, newest, count } = group;
  const queue = newest === undefined ? queueOf(shareOf(state, routeOf(state, tag, language), workspace), NO_GROUP, []) : queueFor(state, newest);
  setCold(state, queue, queue.cold + count);
}

/** Removes a job that waits in memory, e.g. because it is cancelled. @returns it, or undefined when it is not in memory */
export function removeWaiting(state: SchedulerState, id: JobId): WaitingJob | undefined {
  const job = state.waiting.get(id);
  if (job === undefined) return undefined;
  const queue = queueFor(state, job);
  takeOut(state, queue, job);
  // Removed jobs stay in the heap until they surface: without this, enqueue and cancel in turns would make it grow for ever.
  if (queue.hot.size > 2 * queue.hotCount + MAX_STALE) queue.hot.retain((entry) => state.waiting.get(entry.id) === entry);
  afterRemoval(state, queue);
  return job;
}

/**
 * The end of a job that waits is about to be written: it is taken out of memory, and what a refill or an insert brings of it is kept apart until
 * `endLeaving`. Otherwise it could be claimed and even run, while its end is on the way and still finds its row after a failed attempt.
 */
export function beginLeaving(state: SchedulerState, id: JobId): void {
  state.leaving.set(id, { known: removeWaiting(state, id), readSince: undefined });
}

/**
 * The end of a job that waited was written, or not: a job that has not ended waits again, unless its shard has gone.
 * @param outcome gone: there was no row of it, so that what was known was wrong; what was read since is not
 */
export function endLeaving(state: SchedulerState, id: JobId, outcome: "ended" | "gone" | "failed"): void {
  const { known, readSince } = state.leaving.get(id) ?? {};
  state.leaving.delete(id);
  const job = outcome === "failed" ? (readSince ?? known) : readSince;
  if (outcome === "ended" || job === undefined || !state.tenants.has(job.workspace)) return;
  reserveWaiting(state, job);
  admitWaiting(state, job);
}

/** A job has ended that waits for the end of a refill, to be placed then. */
export function removeArrived(state: SchedulerState, queue: JobQueue, id: JobId): void {
  const at = queue.duringRefill.findIndex((job) => job.id === id);
  if (at < 0) return;
  queue.duringRefill.splice(at, 1);
  bump(queue, -1);
  dropIfEmpty(state, queue);
}

/** The next job of a queue, or undefined when nothing of it is in memory. `afterPick` has to follow. */
export function popJob(state: SchedulerState, queue: JobQueue): WaitingJob | undefined {
  const job = headOf(state, queue);
  if (job === undefined) return undefined;
  queue.hot.pop();
  takeOut(state, queue, job);
  return job;
}

/** A job of the queue was picked and has its permits: the queue lines up again with the next one. */
export function afterPick(state: SchedulerState, queue: JobQueue, nowMs: number): void {
  withdrawQueue(queue);
  passOn(state, queue, nowMs);
  announceQueue(state, queue);
  wantRows(state, queue);
  dropIfEmpty(state, queue);
}

/** Queues that want rows from the database, at most `most`, those first that have waited longest. They count as refilling from now on. */
export function takeRefills(state: SchedulerState, most: number): JobQueue[] {
  const wanted: JobQueue[] = [];
  for (const queue of state.wantRows) {
    if (wanted.length >= most) break;
    // Those that are handed over stand in line until it is known whether they stay.
    if (queue.tenant.frozen) continue;
    state.wantRows.delete(queue);
    queue.refilling = true;
    wanted.push(queue);
  }
  return wanted;
}

/** How many rows one refill of the queue should read. @param most what a refill may read at a time */
export function refillRows(state: SchedulerState, queue: JobQueue, most: number): number {
  return queue.group === NO_GROUP ? most : Math.min(most, hotLimitOf(state, queue));
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
  spill(state, queue);
  wantRows(state, queue);
  dropIfEmpty(state, queue);
}

/** A refill failed; it will be asked for again. */
export function abortRefill(state: SchedulerState, queue: JobQueue): void {
  queue.refilling = false;
  const late = queue.duringRefill.splice(0);
  bump(queue, -late.length);
  // They sort at or after the cursor, as cold rows must: see admitWaiting.
  setCold(state, queue, queue.cold + late.length);
  spill(state, queue);
  dropIfEmpty(state, queue);
}

function place(state: SchedulerState, queue: JobQueue, job: WaitingJob): void {
  const limit = hotLimitOf(state, queue);
  if (queue.cold > 0) {
    if (queue.cursor === undefined || !sortsBefore(job, queue.cursor)) {
      setCold(state, queue, queue.cold + 1);
      return;
    }
  } else if (queue.hotCount >= limit && queue.tail !== undefined && sortsBefore(queue.tail, job)) {
    // Over the limit only jobs behind the tail go cold: one with a better priority must not wait for a refill.
    queue.cursor = job;
    setCold(state, queue, 1);
    return;
  }
  pushHot(state, queue, job);
  spill(state, queue);
}

/**
 * Jobs of better priority keep coming ahead of a full memory: the worse half goes cold, its rows are in the database. Not while a refill is under way: it
 * reads from the cursor on, and what goes cold before that would be skipped.
 */
function spill(state: SchedulerState, queue: JobQueue): void {
  const limit = hotLimitOf(state, queue);
  if (queue.hotCount <= 2 * limit || queue.refilling) return;
  const kept: WaitingJob[] = [];
  while (kept.length < limit) {
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

function pushHot(state: SchedulerState, queue: JobQueue, job: WaitingJob): void {
  if (queue.hotCount === 0 || queue.tail === undefined || sortsBefore(queue.tail, job)) queue.tail = job;
  state.waiting.set(job.id, job);
  queue.hot.push(job);
  queue.hotCount += 1;
  queue.share.hot += 1;
  bump(queue, 1);
  lineUp(state, queue);
  announceQueue(state, queue);
}

function takeOut(state: SchedulerState, queue: JobQueue, job: WaitingJob): void {
  state.waiting.delete(job.id);
  queue.hotCount -= 1;
  queue.share.hot -= 1;
  bump(queue, -1);
}

/** Jobs were taken out of the queue other than by a pick. One without a head waits for no permit. */
function afterRemoval(state: SchedulerState, queue: JobQueue): void {
  if (queue.hotCount === 0) {
    withdrawQueue(queue);
    unparkQueue(queue);
    passOn(state, queue, undefined);
  }
  wantRows(state, queue);
  dropIfEmpty(state, queue);
}

function setCold(state: SchedulerState, queue: JobQueue, cold: number): void {
  bump(queue, cold - queue.cold);
  queue.cold = cold;
  if (cold > 0) state.coldQueues.add(queue);
  else state.coldQueues.delete(queue);
  wantRows(state, queue);
}

/** Notes whether the queue wants rows. A parked one does not: what it has in memory is enough to be let go. */
function wantRows(state: SchedulerState, queue: JobQueue): void {
  const wants = queue.cold > 0 && !queue.refilling && queue.parkedOn === undefined && queue.hotCount <= hotLimitOf(state, queue) / 4;
  if (wants) state.wantRows.add(queue);
  else state.wantRows.delete(queue);
}

function hotLimitOf(state: SchedulerState, queue: JobQueue): number {
  if (queue.group === NO_GROUP) return state.hotLimit;
  return queue.share.hot >= state.hotLimit ? Math.min(GROUP_HOT_CROWDED, state.hotLimit) : Math.min(GROUP_HOT, state.hotLimit);
}

/** True when the job waits in memory, runs or leaves: a second entry of it would be dispatched again. Of one that leaves it is kept, in case it stays. */
function isKnown(state: SchedulerState, job: WaitingJob): boolean {
  if (state.waiting.has(job.id) || state.running.has(job.id)) return true;
  const leaving = state.leaving.get(job.id);
  if (leaving !== undefined) leaving.readSince = job;
  return leaving !== undefined;
}

function queueFor(state: SchedulerState, job: WaitingJob): JobQueue {
  if (job.limits === undefined) return queueOf(shareOfJob(state, job), NO_GROUP, NO_LIMITS);
  // Also for a known queue: a job that was created later than the others may bring a new definition of the same keys.
  const limits = job.limits.specs.map((spec) => limitOf(state, job.workspace, spec, job.id, undefined));
  return queueOf(shareOfJob(state, job), groupOf(job), limits);
}

function queueOf(share: Share, group: string, limits: readonly Limit[]): JobQueue {
  const known = share.queues.get(group);
  if (known !== undefined) return known;
  const queue = createQueue(share, group, limits);
  for (const limit of limits) limit.queues.add(queue);
  share.queues.set(group, queue);
  return queue;
}

/** A group is forgotten when nothing of it waits: keys are free text. */
function dropIfEmpty(state: SchedulerState, queue: JobQueue): void {
  if (queue.group === NO_GROUP || queue.waiting > 0 || queue.refilling) return;
  withdrawQueue(queue);
  unparkQueue(queue);
  passOn(state, queue, undefined);
  queue.share.queues.delete(queue.group);
  for (const limit of queue.limits) {
    limit.queues.delete(queue);
    forgetLimit(state, limit);
  }
}

function bump(queue: JobQueue, by: number): void {
  const { share, parkedOn } = queue;
  share.route.waiting += by;
  share.tenant.waiting += by;
  if (parkedOn === undefined && !share.capped && queue.limits.length === 0) {
    queue.waiting += by;
    share.waiting += by;
    return;
  }
  for (const limit of queue.limits) limit.waiting += by;
  if (parkedOn !== undefined) parkedOn.parkedJobs += by;
  changeHeld(share, () => {
    queue.waiting += by;
    share.waiting += by;
    if (parkedOn !== undefined) share.held += by;
  });
}
