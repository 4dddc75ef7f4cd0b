import { activate, followWaiting } from "./fair-core.ts";
import { isFlow } from "./flow-agent.ts";
import type { JobQueue, ReadyQueue, ReadyShare, Route, Share, WaitingJob } from "./model.ts";
import { type SchedulerState, sortsBefore } from "./state-core.ts";

/**
 * Who can be picked: a route's heap holds the shares (workspaces) that have something to run, a share's heap holds its groups. Entries are
 * not searched for when they become out of date; a newer one makes them stale, and they are dropped when they surface.
 */
const MAX_STALE = 64;

/** The first job of a queue in memory; those that were removed are dropped on the way. */
export function headOf(state: SchedulerState, queue: JobQueue): WaitingJob | undefined {
  for (;;) {
    const head = queue.hot.peek();
    if (head === undefined || state.waiting.get(head.id) === head) return head;
    queue.hot.pop();
  }
}

/** Puts a queue with jobs in memory where it can be picked, or further ahead when its head has become a better one. */
export function announceQueue(state: SchedulerState, queue: JobQueue): void {
  if (queue.parkedOn !== undefined) return;
  const head = headOf(state, queue);
  if (head === undefined) return;
  const { share, readyEntry } = queue;
  if (readyEntry === undefined || sortsBefore(head, readyEntry.head)) {
    if (readyEntry === undefined) share.readyQueues += 1;
    const entry: ReadyQueue = { queue, head };
    queue.readyEntry = entry;
    share.ready.push(entry);
    if (share.ready.size > 2 * share.readyQueues + MAX_STALE) share.ready.retain((kept) => kept.queue.readyEntry === kept);
  }
  announceShare(state, share);
}

/** Takes a queue out of its share's heap. */
export function withdrawQueue(queue: JobQueue): void {
  if (queue.readyEntry === undefined) return;
  queue.readyEntry = undefined;
  queue.share.readyQueues -= 1;
}

/** Puts a share with ready queues into its route's heap. */
export function announceShare(state: SchedulerState, share: Share): void {
  if (share.capped || share.tenant.frozen || share.readyQueues === 0) return;
  state.dirty.add(share.route);
  if (share.entry !== undefined) return;
  const { tenant, account, route } = share;
  const { time } = route.tagState;
  activate(time, account, tenant.weight);
  activate(state.time, tenant.account, tenant.weight);
  for (const counted of [account, tenant.account, time, state.time]) counted.ready += 1;
  pushShare(share);
}

/** The share whose turn it is on the route; entries that are out of date are put right on the way. */
export function topShare(state: SchedulerState, route: Route): Share | undefined {
  for (;;) {
    const top = route.ready.peek();
    if (top === undefined) return undefined;
    const { share } = top;
    if (share.entry === top && share.readyQueues > 0 && !share.tenant.frozen && !isAtCap(share)) {
      if (top.pass >= share.account.pass) return share;
      route.ready.pop();
      pushShare(share);
      continue;
    }
    route.ready.pop();
    if (share.entry !== top) continue;
    withdrawShare(state, share);
    if (isAtCap(share)) holdShare(share);
  }
}

export const isAtCap = ({ tenant, route }: Share): boolean => tenant.maxRunning !== undefined && tenant.permits >= tenant.maxRunning && !isFlow(route);

/** The workspace runs as much as it may: the share waits for one of its jobs to end. */
export function holdShare(share: Share): void {
  if (share.capped) return;
  changeHeld(share, () => {
    share.capped = true;
  });
  share.tenant.capped.add(share);
}

/** The workspace may run more again. */
export function releaseShares(state: SchedulerState, tenant: Share["tenant"]): void {
  for (const share of tenant.capped) {
    if (isAtCap(share)) return;
    tenant.capped.delete(share);
    changeHeld(share, () => {
      share.capped = false;
    });
    announceShare(state, share);
  }
}

/** Changes something of a share that its route's count of held jobs depends on. */
export function changeHeld(share: Share, change: () => void): void {
  const before = heldOf(share);
  change();
  share.route.held += heldOf(share) - before;
}

/** Once a second: see `followWaiting`. */
export function followReady(state: SchedulerState): void {
  const lowest = new Map<Route["tagState"], number>();
  let lowestOfAll: number | undefined;
  for (const route of state.routes.values()) {
    const share = topShare(state, route);
    if (share === undefined) continue;
    lowest.set(route.tagState, Math.min(lowest.get(route.tagState) ?? Number.POSITIVE_INFINITY, share.account.pass));
    lowestOfAll = Math.min(lowestOfAll ?? Number.POSITIVE_INFINITY, share.tenant.account.pass);
  }
  for (const tag of state.tags.values()) followWaiting(tag.time, lowest.get(tag));
  followWaiting(state.time, lowestOfAll);
}

/** Jobs of a share that no slot would help. */
export function heldOf(share: Share): number {
  return share.capped ? share.waiting : share.held;
}

function pushShare(share: Share): void {
  const entry: ReadyShare = { share, pass: share.account.pass };
  share.entry = entry;
  share.route.ready.push(entry);
}

/** Takes a share out of its route's heap. */
export function withdrawShare(state: SchedulerState, share: Share): void {
  if (share.entry === undefined) return;
  share.entry = undefined;
  for (const counted of [share.account, share.tenant.account, share.route.tagState.time, state.time]) counted.ready -= 1;
}
