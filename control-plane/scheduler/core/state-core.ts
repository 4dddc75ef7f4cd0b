import { ChurnMap } from "../../../kernel/churn-map.ts";
import { Heap } from "../../../kernel/heap.ts";
import type { AgentKey, JobId, WorkspaceId } from "../../../kernel/ids.ts";
import { accountOf, createAccount, createVirtualTime } from "./fair-core.ts";
import { NO_GROUP } from "./limit-model.ts";
import type { AgentState, JobQueue, Leaving, Limit, Route, RunningJob, Share, Tag, Tenant, VirtualTime, WaitingJob } from "./model.ts";
import { joinPinned, leavePinned, pinnedAgentOf, routeKeyOf } from "./pinned-core.ts";
import type { StoredWindow } from "./rate-core.ts";

/**
 * Everything an owner knows of its shards. The functions beside this file are the only ones that change it; they
 * have no clock, no randomness and no I/O, so that a simulation can drive them.
 */
export interface SchedulerState {
  /** The upper part of every token; grows when shards are gained. */
  epoch: number;
  /** Attempts numbered so far in this epoch. */
  sequence: number;
  readonly routes: Map<string, Route>;
  readonly tags: Map<string, Tag>;
  readonly tenants: Map<WorkspaceId, Tenant>;
  readonly agents: Map<AgentKey, AgentState>;
  /** Jobs in memory that wait (not the cold ones). */
  readonly waiting: Map<JobId, WaitingJob>;
  /** Jobs whose end is being written while they wait; see `beginLeaving`. */
  readonly leaving: Map<JobId, Leaving>;
  readonly running: Map<JobId, RunningJob>;
  /** Routes on which a new match may be possible. */
  readonly dirty: Set<Route>;
  /** Queues that have rows only in the database, and those of them that want some in memory. */
  readonly coldQueues: Set<JobQueue>;
  readonly wantRows: Set<JobQueue>;
  /** Where workspaces stand over all tags. */
  readonly time: VirtualTime;
  /** Limits by id. */
  readonly limits: Map<string, Limit>;
  /** Windows that an earlier owner stored, by the id of their limit, until the limit is seen. */
  readonly storedWindows: Map<string, StoredWindow & { readonly workspace: WorkspaceId }>;
  /** Limits whose windows open at a moment. Entries may be stale: one that is not its limit's `wakeAtMs` is skipped. */
  readonly timers: Heap<{ readonly atMs: number; readonly limit: Limit }>;
  readonly hotLimit: number;
}

/** Fresh state. @param hotLimit how many waiting jobs of one queue are held in memory; the rest stays in the database */
export function createSchedulerState(epoch: number, hotLimit: number): SchedulerState {
  return {
    epoch,
    sequence: 0,
    routes: new Map(),
    tags: new Map(),
    tenants: new Map(),
    agents: new Map(),
    waiting: new ChurnMap(),
    leaving: new ChurnMap(),
    running: new ChurnMap(),
    dirty: new Set(),
    coldQueues: new Set(),
    wantRows: new Set(),
    time: createVirtualTime(),
    limits: new Map(),
    storedWindows: new Map(),
    timers: new Heap((a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.limit.id < b.limit.id)),
    hotLimit,
  };
}

export function routeOf(state: SchedulerState, tag: string, language: string): Route {
  const key = routeKeyOf(tag, language);
  const known = state.routes.get(key);
  if (known !== undefined) return known;
  const tagState = tagOf(state, tag);
  tagState.routes += 1;
  const route: Route = {
    key,
    tag,
    language,
    tagState,
    shares: new Map(),
    ready: new Heap((a, b) => a.pass < b.pass || (a.pass === b.pass && a.share.tenant.workspace < b.share.tenant.workspace)),
    waiting: 0,
    held: 0,
    shared: [],
    scoped: new Map(),
    turn: 0,
    meanRunMs: undefined,
  };
  state.routes.set(key, route);
  joinPinned(state.agents, route);
  return route;
}

/** Routes that no agent serves and nobody waits on are forgotten: their names are free text. So are agents' own when nobody waits there. */
export function forgetIdleRoutes(state: SchedulerState): void {
  for (const route of state.routes.values()) {
    const served = route.shared.length > 0 || [...route.scoped.values()].some((agents) => agents.length > 0);
    if ((served && pinnedAgentOf(route.tag) === undefined) || route.waiting > 0) continue;
    state.routes.delete(route.key);
    leavePinned(state.agents, route);
    state.dirty.delete(route);
    for (const share of route.shares.values()) {
      share.tenant.shares.delete(share);
      share.tenant.capped.delete(share);
    }
    route.tagState.routes -= 1;
    if (route.tagState.routes === 0) state.tags.delete(route.tag);
  }
}

function tagOf(state: SchedulerState, name: string): Tag {
  const known = state.tags.get(name);
  if (known !== undefined) return known;
  const tag: Tag = { name, time: createVirtualTime(), accounts: new Map(), routes: 0 };
  state.tags.set(name, tag);
  return tag;
}

export function tenantOf(state: SchedulerState, workspace: WorkspaceId): Tenant {
  const known = state.tenants.get(workspace);
  if (known !== undefined) return known;
  const tenant: Tenant = {
    workspace,
    weight: 1,
    maxRunning: undefined,
    account: createAccount(state.time),
    waiting: 0,
    running: 0,
    permits: 0,
    capped: new Set(),
    shares: new Set(),
    frozen: false,
  };
  state.tenants.set(workspace, tenant);
  return tenant;
}

export function shareOf(state: SchedulerState, route: Route, workspace: WorkspaceId): Share {
  const known = route.shares.get(workspace);
  if (known !== undefined) return known;
  const tenant = tenantOf(state, workspace);
  const share: Share = {
    tenant,
    route,
    account: accountOf(route.tagState, tenant),
    queues: new Map(),
    ready: new Heap((a, b) => sortsBefore(a.head, b.head)),
    readyQueues: 0,
    entry: undefined,
    waiting: 0,
    hot: 0,
    held: 0,
    capped: false,
    meanRunMs: undefined,
  };
  route.shares.set(workspace, share);
  tenant.shares.add(share);
  return share;
}

/** The share that a job belongs to. */
export function shareOfJob(state: SchedulerState, job: { workspace: WorkspaceId; tag: string; language: string }): Share {
  return shareOf(state, routeOf(state, job.tag, job.language), job.workspace);
}

export function createQueue(share: Share, group: string, limits: readonly Limit[]): JobQueue {
  return {
    share,
    tenant: share.tenant,
    route: share.route,
    group,
    limits,
    hot: new Heap(sortsBefore),
    hotCount: 0,
    waiting: 0,
    tail: undefined,
    cold: 0,
    cursor: undefined,
    refilling: false,
    duringRefill: [],
    readyEntry: undefined,
    parkedOn: undefined,
    parkedEntry: undefined,
    wokenBy: undefined,
  };
}

export const groupOf = (job: WaitingJob): string => job.limits?.group ?? NO_GROUP;

/** The order of a queue: priority, due time, id. Ids never tie. */
export function sortsBefore(a: WaitingJob, b: WaitingJob): boolean {
  if (a.prio !== b.prio) return a.prio < b.prio;
  if (a.dueAtMs !== b.dueAtMs) return a.dueAtMs < b.dueAtMs;
  return a.id < b.id;
}
