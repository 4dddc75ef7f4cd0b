import type { AgentKey, JobId } from "../../../kernel/ids.ts";
import { shardOf } from "../../jobs/model.ts";
import type { JobQueue, RunningJob } from "./model.ts";
import { announce } from "./queue-core.ts";
import type { SchedulerState } from "./state-core.ts";

/** Beyond this a new epoch is drawn, long before numbers of one would run into those of the next (2^34 per epoch). */
const MAX_SEQUENCE = 2 ** 33;

export type Shards = ReadonlySet<number>;

/** Nothing of these shards is picked from now on. What is in flight goes on: wait for it before `forgetShards`. */
export function freezeShards(state: SchedulerState, shards: Shards): void {
  for (const tenant of state.tenants.values()) if (shards.has(shardOf(tenant.workspace))) tenant.frozen = true;
}

/** Takes `freezeShards` back: the hand-over did not happen. */
export function unfreezeShards(state: SchedulerState, shards: Shards): void {
  for (const tenant of state.tenants.values()) if (shards.has(shardOf(tenant.workspace))) tenant.frozen = false;
  for (const route of state.routes.values()) {
    for (const queue of route.queues.values()) if (shards.has(shardOf(queue.tenant.workspace))) announce(queue);
    state.dirty.add(route);
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
  for (const route of state.routes.values()) {
    for (const [workspace, queue] of route.queues) {
      if (!shards.has(shardOf(workspace))) continue;
      route.waiting -= sizeOf(queue);
      retire(state, queue);
      route.queues.delete(workspace);
    }
  }
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
  for (const workspace of state.tenants.keys()) if (shards.has(shardOf(workspace))) state.tenants.delete(workspace);
  return { waiting, running };
}

/** A refill that was under way may come back to a queue that is no longer there. */
export function isKnownQueue(state: SchedulerState, queue: JobQueue): boolean {
  return state.routes.get(queue.route.key)?.queues.get(queue.tenant.workspace) === queue;
}

/** Tokens are numbered under a new epoch from now on. */
export function beginEpoch(state: SchedulerState, epoch: number): void {
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

/** Entries of the queue in its route's heap are recognised by their having no jobs. */
function retire(state: SchedulerState, queue: JobQueue): void {
  state.coldQueues.delete(queue);
  queue.hotCount = 0;
  queue.cold = 0;
  queue.duringRefill.length = 0;
}
