import { Heap } from "../../../kernel/heap.ts";
import type { AgentKey, JobId, WorkspaceId } from "../../../kernel/ids.ts";
import type { AgentState, JobQueue, Route, RunningJob, Tenant, WaitingJob } from "./model.ts";

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
  readonly tenants: Map<WorkspaceId, Tenant>;
  readonly agents: Map<AgentKey, AgentState>;
  /** Jobs in memory that wait (not the cold ones). */
  readonly waiting: Map<JobId, WaitingJob>;
  readonly running: Map<JobId, RunningJob>;
  /** Routes on which a new match may be possible. */
  readonly dirty: Set<Route>;
  /** Queues that have rows only in the database. */
  readonly coldQueues: Set<JobQueue>;
  /** Pass of the last pick: where a returning workspace begins. */
  virtualTime: number;
  readonly hotLimit: number;
}

/** Fresh state. @param hotLimit how many waiting jobs of one queue are held in memory; the rest stays in the database */
export function createSchedulerState(epoch: number, hotLimit: number): SchedulerState {
  return {
    epoch,
    sequence: 0,
    routes: new Map(),
    tenants: new Map(),
    agents: new Map(),
    waiting: new Map(),
    running: new Map(),
    dirty: new Set(),
    coldQueues: new Set(),
    virtualTime: 0,
    hotLimit,
  };
}

/** A job that costs nothing still costs its dispatch. */
const MIN_COST_MS = 5;
const FIRST_MEAN_RUN_MS = 100;

export function routeOf(state: SchedulerState, tag: string, language: string): Route {
  const key = `${tag}\u0000${language}`;
  const known = state.routes.get(key);
  if (known !== undefined) return known;
  const route: Route = {
    key,
    tag,
    language,
    queues: new Map(),
    ready: new Heap((a, b) => a.pass < b.pass || (a.pass === b.pass && a.queue.tenant.workspace < b.queue.tenant.workspace)),
    waiting: 0,
    shared: [],
    scoped: new Map(),
    turn: 0,
    meanRunMs: FIRST_MEAN_RUN_MS,
  };
  state.routes.set(key, route);
  return route;
}

export function tenantOf(state: SchedulerState, workspace: WorkspaceId): Tenant {
  const known = state.tenants.get(workspace);
  if (known !== undefined) return known;
  const tenant: Tenant = { workspace, pass: state.virtualTime, weight: 1, creditMs: 0, waiting: 0, running: 0, frozen: false };
  state.tenants.set(workspace, tenant);
  return tenant;
}

export function queueOf(state: SchedulerState, route: Route, workspace: WorkspaceId): JobQueue {
  const known = route.queues.get(workspace);
  if (known !== undefined) return known;
  const queue: JobQueue = {
    tenant: tenantOf(state, workspace),
    route,
    hot: new Heap(sortsBefore),
    hotCount: 0,
    tail: undefined,
    cold: 0,
    cursor: undefined,
    refilling: false,
    duringRefill: [],
    inHeap: false,
  };
  route.queues.set(workspace, queue);
  return queue;
}

/** The order of a queue: priority, due time, id. Ids never tie. */
export function sortsBefore(a: WaitingJob, b: WaitingJob): boolean {
  if (a.prio !== b.prio) return a.prio < b.prio;
  if (a.dueAtMs !== b.dueAtMs) return a.dueAtMs < b.dueAtMs;
  return a.id < b.id;
}

/** A workspace that comes back after doing nothing starts at the present: it has neither saved credit nor debt. */
export function wakeTenant(state: SchedulerState, tenant: Tenant): void {
  if (tenant.waiting > 0 || tenant.running > 0) return;
  tenant.pass = Math.max(tenant.pass, state.virtualTime);
  tenant.creditMs = 0;
}

/** Charges the expected cost of a job in advance; `settle` corrects it. @returns the milliseconds charged */
export function charge(state: SchedulerState, tenant: Tenant, route: Route): number {
  state.virtualTime = Math.max(state.virtualTime, tenant.pass);
  const expected = Math.max(MIN_COST_MS, route.meanRunMs);
  const used = Math.min(tenant.creditMs, expected);
  tenant.creditMs -= used;
  tenant.pass += (expected - used) / tenant.weight;
  tenant.running += 1;
  return expected;
}

/** The job has ended: what it really cost replaces what was charged. */
export function settle(tenant: Tenant, route: Route, chargedMs: number, actualMs: number): void {
  const cost = Math.max(MIN_COST_MS, actualMs);
  tenant.running -= 1;
  if (cost > chargedMs) tenant.pass += (cost - chargedMs) / tenant.weight;
  else tenant.creditMs += chargedMs - cost;
  route.meanRunMs += (actualMs - route.meanRunMs) / 16;
}
