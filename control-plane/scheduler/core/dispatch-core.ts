import type { JobId, Token, WorkspaceId } from "../../../kernel/ids.ts";
import { asToken } from "../../../kernel/ids.ts";
import { SHARDS } from "../../jobs/model.ts";
import { freeAgent, freeSharedAgent, hasFreeSlot } from "./agents-core.ts";
import type { AgentState, Assignment, JobQueue, Route, RunningJob, WaitingJob } from "./model.ts";
import { announce, popJob } from "./queue-core.ts";
import { charge, routeOf, type SchedulerState, settle, tenantOf, wakeTenant } from "./state-core.ts";

const SEQUENCE_BITS = 40n;
/** The lowest bits of a token name the shard, so that whoever sees one knows which owner it concerns. */
const SHARD_STEP = SHARDS;

/**
 * A new job: when an agent is free and nobody waits on its route, it is assigned at once and never becomes a pending row.
 * @returns the assignment, or undefined when the job has to wait (the caller reserves and inserts it as pending)
 */
export function offerJob(state: SchedulerState, job: WaitingJob, nowMs: number): Assignment | undefined {
  const route = routeOf(state, job.tag, job.language);
  if (route.waiting > 0) return undefined;
  const agent = freeAgent(route, job.workspace);
  if (agent === undefined) return undefined;
  const tenant = tenantOf(state, job.workspace);
  wakeTenant(state, tenant);
  return { running: assign(state, route, agent, job, nowMs), direct: true };
}

/**
 * Matches waiting jobs with free slots until one side is exhausted or `most` decisions are made. Between workspaces the
 * lowest pass goes first; an agent of one workspace takes only its jobs.
 */
export function dispatch(state: SchedulerState, nowMs: number, most: number): Assignment[] {
  const made: Assignment[] = [];
  while (made.length < most) {
    const route = nextRoute(state);
    if (route === undefined) break;
    const running = dispatchOne(state, route, nowMs);
    if (running === undefined) state.dirty.delete(route);
    else made.push({ running, direct: false });
  }
  return made;
}

/**
 * The claim of a job is committed; it may be sent. @returns false when it must not be: the agent's session is gone, or it has come back
 * with fewer slots for this owner, so that the caller puts the job back
 */
export function confirmClaim(state: SchedulerState, running: RunningJob): boolean {
  if (state.running.get(running.job.id) !== running) return false;
  running.phase = "assigned";
  const agent = state.agents.get(running.agent);
  return agent?.session !== undefined && (agent.session === running.session || agent.running.size <= agent.slots);
}

/**
 * An agent reports the end of an attempt. The slot is free from here on; the permit of the job is kept until the commit.
 * @returns the running job, or undefined when the token is not the valid one
 */
export function endRunning(state: SchedulerState, id: JobId, token: Token, nowMs: number): RunningJob | undefined {
  const running = state.running.get(id);
  if (running === undefined || running.token !== token || running.phase === "ending" || running.phase === "claiming") return undefined;
  running.phase = "ending";
  freeSlot(state, running);
  settle(tenantOf(state, running.job.workspace), routeOf(state, running.job.tag, running.job.language), running.chargedMs, nowMs - running.claimedAtMs);
  return running;
}

/**
 * Takes an attempt away from its agent: it was lost, could not be sent or is forced to an end. From here on its token is
 * void for the agent. @returns false when its end is already under way
 */
export function takeBack(state: SchedulerState, running: RunningJob, nowMs: number): boolean {
  if (state.running.get(running.job.id) !== running || running.phase === "ending") return false;
  running.phase = "ending";
  freeSlot(state, running);
  settle(tenantOf(state, running.job.workspace), routeOf(state, running.job.tag, running.job.language), running.chargedMs, nowMs - running.claimedAtMs);
  return true;
}

/** The end of an attempt is committed, or its claim never took effect: the scheduler forgets it. */
export function forgetRunning(state: SchedulerState, running: RunningJob): void {
  if (state.running.get(running.job.id) === running) state.running.delete(running.job.id);
}

/** A claim that moved no row: the job was gone. Its slot and charge are given back. */
export function abandonClaim(state: SchedulerState, running: RunningJob): void {
  forgetRunning(state, running);
  freeSlot(state, running);
  settle(tenantOf(state, running.job.workspace), routeOf(state, running.job.tag, running.job.language), running.chargedMs, 0);
}

/** A running row that an earlier owner wrote. */
export function adoptRunning(state: SchedulerState, agent: AgentState, job: WaitingJob, token: Token, claimedAtMs: number): RunningJob {
  const tenant = tenantOf(state, job.workspace);
  const running: RunningJob = {
    job,
    token,
    agent: agent.key,
    session: undefined,
    claimedAtMs,
    phase: "received",
    sentAtMs: 0,
    sends: 0,
    startHeardMs: undefined,
    startedAtMs: undefined,
    cancel: undefined,
    chargedMs: 0,
  };
  tenant.running += 1;
  state.running.set(job.id, running);
  agent.running.set(job.id, running);
  return running;
}

/** The job as it waits again after an attempt that did not end by itself. */
export function afterLoss(running: RunningJob, countLoss: boolean): WaitingJob {
  const { job } = running;
  return { ...job, attempt: job.attempt + 1, lost: job.lost + (countLoss ? 1 : 0) };
}

function nextRoute(state: SchedulerState): Route | undefined {
  let best: Route | undefined;
  let bestPass = Number.POSITIVE_INFINITY;
  for (const route of state.dirty) {
    if (route.waiting === 0) {
      state.dirty.delete(route);
      continue;
    }
    const pass = topPass(route);
    if (pass === undefined) state.dirty.delete(route);
    else if (pass < bestPass) {
      best = route;
      bestPass = pass;
    }
  }
  return best;
}

/** Pass of the workspace whose turn it is on the route; entries that are out of date are put right on the way. */
function topPass(route: Route): number | undefined {
  for (;;) {
    const top = route.ready.peek();
    if (top === undefined) return undefined;
    const { queue } = top;
    if (queue.hotCount > 0 && !queue.tenant.frozen && top.pass >= queue.tenant.pass) return top.pass;
    route.ready.pop();
    queue.inHeap = false;
    announce(queue);
  }
}

function dispatchOne(state: SchedulerState, route: Route, nowMs: number): RunningJob | undefined {
  const shared = freeSharedAgent(route);
  if (shared === undefined) return dispatchScoped(state, route, nowMs);
  const top = route.ready.pop();
  if (top === undefined) return undefined;
  top.queue.inHeap = false;
  const own = route.scoped.get(top.queue.tenant.workspace)?.find(hasFreeSlot);
  return dispatchFrom(state, top.queue, own ?? shared, nowMs);
}

/** No shared slot is free: workspaces with agents of their own may still go on. */
function dispatchScoped(state: SchedulerState, route: Route, nowMs: number): RunningJob | undefined {
  for (const [workspace, agents] of route.scoped) {
    const queue = route.queues.get(workspace);
    if (queue === undefined || queue.hotCount === 0 || queue.tenant.frozen) continue;
    const agent = agents.find(hasFreeSlot);
    if (agent !== undefined) return dispatchFrom(state, queue, agent, nowMs);
  }
  return undefined;
}

function dispatchFrom(state: SchedulerState, queue: JobQueue, agent: AgentState, nowMs: number): RunningJob | undefined {
  const job = popJob(state, queue);
  if (job === undefined) return undefined;
  const running = assign(state, queue.route, agent, job, nowMs);
  announce(queue);
  return running;
}

function assign(state: SchedulerState, route: Route, agent: AgentState, job: WaitingJob, nowMs: number): RunningJob {
  state.sequence += 1;
  const running: RunningJob = {
    job,
    token: asToken(((BigInt(state.epoch) << SEQUENCE_BITS) | BigInt(state.sequence * SHARD_STEP + job.shard)).toString()),
    agent: agent.key,
    session: agent.session,
    claimedAtMs: nowMs,
    phase: "claiming",
    sentAtMs: 0,
    sends: 0,
    startHeardMs: undefined,
    startedAtMs: undefined,
    cancel: undefined,
    chargedMs: charge(state, tenantOf(state, job.workspace), route),
  };
  state.running.set(job.id, running);
  agent.running.set(job.id, running);
  return running;
}

function freeSlot(state: SchedulerState, running: RunningJob): void {
  const agent = state.agents.get(running.agent);
  if (agent === undefined || agent.running.get(running.job.id) !== running) return;
  agent.running.delete(running.job.id);
  for (const route of agent.routes) if (route.waiting > 0) state.dirty.add(route);
}

/** Why a waiting job of this route and workspace does not run, in words for people. */
export function waitReason(state: SchedulerState, job: { workspace: WorkspaceId; tag: string; language: string }): string {
  const serving = [...state.agents.values()].filter(
    (agent) => agent.session !== undefined && (agent.workspace === undefined || agent.workspace === job.workspace),
  );
  const tagged = serving.filter((agent) => agent.routes.some((route) => route.tag === job.tag));
  if (tagged.length === 0) return `no agent with tag ${job.tag} is connected`;
  const able = tagged.filter((agent) => agent.routes.some((route) => route.tag === job.tag && route.language === job.language));
  if (able.length === 0) return `no agent with tag ${job.tag} offers runtime ${job.language}`;
  if (able.every((agent) => agent.slots === 0)) return `every agent with tag ${job.tag} is draining`;
  const slots = able.reduce((sum, agent) => sum + agent.slots, 0);
  const busy = able.reduce((sum, agent) => sum + agent.running.size, 0);
  return busy >= slots ? `all ${slots} slots of tag ${job.tag} are busy` : "waiting for its turn";
}
