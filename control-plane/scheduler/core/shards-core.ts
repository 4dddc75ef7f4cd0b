import type { AgentKey, JobId } from "../../../kernel/ids.ts";
import { shardOf } from "../../jobs/model.ts";
import type { JobQueue, RunningJob, Share } from "./model.ts";
import { announceShare, heldOf, withdrawShare } from "./ready-core.ts";
import type { SchedulerState } from "./state-core.ts";

/** Beyond this a new epoch is drawn, long before numbers of one would run into those of the next (2^34 per epoch). */
const MAX_SEQUENCE = 2 ** 33;

export type Shards = ReadonlySet<number>;

/** Nothing of these shards is picked from now on. What is in flight goes on: wait for it before `forgetShards`. */
export function freezeShards(state: SchedulerState, shards: Shards): void {
  for (const tenant of state.tenants.values()) {
    if (!shards.has(shardOf(tenant.workspace))) continue;
    tenant.frozen = true;
    for (const share of tenant.shares) withdrawShare(state, share);
  }
}

/** Takes `freezeShards` back: the hand-over did not happen. */
export function unfreezeShards(state: SchedulerState, shards: Shards): void {
  for (const tenant of state.tenants.values()) {
    if (!shards.has(shardOf(tenant.workspace))) continue;
    tenant.frozen = false;
    for (const share of tenant.shares) announceShare(state, share);
  }
}

export interface ForgottenShards {
  readonly waiting: readonly JobId[];
  /** Attempts that go on at their agents, under another owner. */
  readonly running: ReadonlyMap<AgentKey, readonly RunningJob[]>;
}

/** Forgets all that belongs to the shards; another owner has them. Nothing of them may be in flight. */
export function forgetShards(state: SchedulerState, shards: Shards): ForgottenShards {
  const waiting: JobId[] = [];
  for (const job of state.waiting.values()) if (shards.has(job.shard)) waiting.push(job.id);
  for (const id of waiting) state.waiting.delete(id);
  const running = forgetAttempts(state, shards);
  for (const tenant of state.tenants.values()) {
    const { workspace } = tenant;
    if (!shards.has(shardOf(workspace))) continue;
    for (const share of tenant.shares) forgetShare(state, share);
    for (const tag of state.tags.values()) tag.accounts.delete(workspace);
    state.tenants.delete(workspace);
  }
  forgetLimits(state, shards);
  return { waiting, running };
}

function forgetAttempts(state: SchedulerState, shards: Shards): Map<AgentKey, RunningJob[]> {
  const running = new Map<AgentKey, RunningJob[]>();
  for (const entry of state.running.values()) {
    if (!shards.has(entry.job.shard)) continue;
    state.running.delete(entry.job.id);
    // Nothing that still holds it may send it.
    entry.phase = "ending";
    const agent = state.agents.get(entry.agent);
    if (agent?.running.delete(entry.job.id) !== true) continue;
    const list = running.get(entry.agent) ?? [];
    list.push(entry);
    running.set(entry.agent, list);
  }
  return running;
}

/** Entries of the share in its route's heap are stale from now on, since it does not name them. */
function forgetShare(state: SchedulerState, share: Share): void {
  const { route, tenant } = share;
  withdrawShare(state, share);
  route.held -= heldOf(share);
  for (const queue of share.queues.values()) {
    route.waiting -= sizeOf(queue);
    // A refill under way still knows the queue.
    queue.duringRefill.length = 0;
    state.coldQueues.delete(queue);
    state.wantRows.delete(queue);
  }
  route.shares.delete(tenant.workspace);
}

/** Their permits are counted, and their windows read, by the next owner. Entries in the heap of timers are stale from now on. */
function forgetLimits(state: SchedulerState, shards: Shards): void {
  for (const limit of state.limits.values()) {
    if (!shards.has(shardOf(limit.workspace))) continue;
    limit.wakeAtMs = undefined;
    state.limits.delete(limit.id);
  }
  for (const [id, { workspace }] of state.storedWindows) if (shards.has(shardOf(workspace))) state.storedWindows.delete(id);
}

/** A refill that was under way may come back to a queue that is no longer there. */
export function isKnownQueue(state: SchedulerState, queue: JobQueue): boolean {
  return state.routes.get(queue.route.key)?.shares.get(queue.tenant.workspace)?.queues.get(queue.group) === queue;
}

/**
 * Tokens are numbered under a new epoch from now on. One that was drawn before the present one changes nothing, since all numbers grow: loads of
 * shards may end in another order than they began.
 */
export function beginEpoch(state: SchedulerState, epoch: number): void {
  if (epoch <= state.epoch) return;
  state.epoch = epoch;
  state.sequence = 0;
}

export function needsEpoch(state: SchedulerState): boolean {
  return state.sequence > MAX_SEQUENCE;
}

/** Hot, cold and those that were admitted during a refill. Nothing is reserved: it would be in flight. */
function sizeOf(queue: JobQueue): number {
  return queue.hotCount + queue.cold + queue.duringRefill.length;
}
