import { asToken, type JobId, type Token } from "../../../kernel/ids.ts";
import { SEQUENCE_BITS, SHARDS } from "../../jobs/model.ts";
import { freeAgent, freeSharedAgent, hasFreeSlot } from "./agents-core.ts";
import { activate, charge, chargeOverrun, goesBefore, settle, standing } from "./fair-core.ts";
import { FLOW_AGENT } from "./flow-agent.ts";
import { adoptPermits, fullLimit, givePermitsBack, mayStart, parkQueue, takePermits } from "./limits-core.ts";
import type { AgentState, Assignment, JobQueue, Route, RunningJob, Share, WaitingJob } from "./model.ts";
import { pinnedAgentOf } from "./pinned-core.ts";
import { afterPick, popJob } from "./queue-core.ts";
import { announceQueue, followReady, headOf, heldOf, holdShare, isAtCap, topShare, withdrawQueue } from "./ready-core.ts";
import { groupOf, routeOf, type SchedulerState, shareOf, shareOfJob } from "./state-core.ts";

/** The lowest bits of a token name the shard, so that whoever sees one knows which owner it concerns. */
const SHARD_STEP = SHARDS;

/**
 * A new job: when an agent is free and it would be the job's turn, it is assigned at once and never becomes a pending row.
 * @returns the assignment, or undefined when the job has to wait (the caller reserves and inserts it as pending)
 */
export function offerJob(state: SchedulerState, job: WaitingJob, nowMs: number): Assignment | undefined {
  const route = routeOf(state, job.tag, job.language);
  const agent = freeAgent(route, job.workspace);
  if (agent === undefined) return undefined;
  const share = shareOf(state, route, job.workspace);
  if (!goesFirst(state, share, job, nowMs)) return undefined;
  activate(route.tagState.time, share.account, share.tenant.weight);
  activate(state.time, share.tenant.account, share.tenant.weight);
  return { running: assign(state, share, agent, job, nowMs), direct: true };
}

/** Whether the next slot on its route would be for this new job. */
export function isNext(state: SchedulerState, job: WaitingJob, nowMs: number): boolean {
  return goesFirst(state, shareOf(state, routeOf(state, job.tag, job.language), job.workspace), job, nowMs);
}

function goesFirst(state: SchedulerState, share: Share, job: WaitingJob, nowMs: number): boolean {
  if (share.tenant.frozen || isAtCap(share) || (share.queues.get(groupOf(job))?.waiting ?? 0) > 0 || !mayStart(state, share, job, nowMs)) return false;
  const { route, account } = share;
  if (!goesFirstAtItsAgent(state, share)) return false;
  // Those whom only a limit holds back cannot be overtaken.
  if (route.waiting - route.held <= 0) return true;
  if (share.waiting - heldOf(share) > 0) return false;
  const top = topShare(state, route);
  return top === undefined || standing(route.tagState.time, account) < standing(route.tagState.time, top.account);
}

/** A job that only one agent can run stands in line with all that wait for that agent: the next step of a flow must not keep a slot from others. */
function goesFirstAtItsAgent(state: SchedulerState, share: Share): boolean {
  const key = pinnedAgentOf(share.route.tag);
  const agent = key === undefined ? undefined : state.agents.get(key);
  return (agent?.routes ?? []).every((route) => {
    if (route.tagState === share.route.tagState || route.waiting - route.held <= 0) return true;
    const top = topShare(state, route);
    return top === undefined || top.tenant === share.tenant || standing(state.time, share.tenant.account) < top.tenant.account.pass;
  });
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
  settle(state.time, shareOfJob(state, running.job), running.chargedMs, nowMs - running.claimedAtMs);
  return running;
}

/** The end of a flow is committed. It used no worker, however long it took: it costs as little as can be. */
export function endFlow(state: SchedulerState, running: RunningJob): void {
  if (state.running.get(running.job.id) !== running || running.phase === "ending") return;
  running.phase = "ending";
  freeSlot(state, running);
  settle(state.time, shareOfJob(state, running.job), running.chargedMs, 0);
  forgetRunning(state, running);
}

/**
 * Takes an attempt away from its agent: it was lost, could not be sent or is forced to an end. From here on its token is
 * void for the agent. @returns false when its end is already under way
 */
export function takeBack(state: SchedulerState, running: RunningJob, nowMs: number): boolean {
  if (state.running.get(running.job.id) !== running || running.phase === "ending") return false;
  running.phase = "ending";
  freeSlot(state, running);
  settle(state.time, shareOfJob(state, running.job), running.chargedMs, nowMs - running.claimedAtMs);
  return true;
}

/** The end of an attempt is committed, or its claim never took effect: the scheduler forgets it, and gives its permits to others. */
export function forgetRunning(state: SchedulerState, running: RunningJob): void {
  if (state.running.get(running.job.id) !== running) return;
  state.running.delete(running.job.id);
  givePermitsBack(state, running);
}

/** A claim that moved no row: the job was gone. Its slot and charge are given back. */
export function abandonClaim(state: SchedulerState, running: RunningJob): void {
  forgetRunning(state, running);
  freeSlot(state, running);
  settle(state.time, shareOfJob(state, running.job), running.chargedMs, 0);
}

/** Once a second: attempts that run longer than was expected are charged while they run; see fair-core.ts. */
export function chargeRunning(state: SchedulerState, nowMs: number): void {
  for (const running of state.running.values()) {
    const overMs = nowMs - running.claimedAtMs - running.chargedMs;
    if (overMs <= 0 || running.phase === "ending" || running.agent === FLOW_AGENT) continue;
    running.chargedMs += overMs;
    chargeOverrun(state.time, shareOfJob(state, running.job), overMs);
  }
  followReady(state);
}

/** A running row that an earlier owner wrote. @param nowMs it is charged from here on: accounts begin anew with each owner */
export function adoptRunning(state: SchedulerState, agent: AgentState, job: WaitingJob, token: Token, claimedAtMs: number, nowMs = claimedAtMs): RunningJob {
  const share = shareOfJob(state, job);
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
    // The time of a flow costs nothing, and must not be what the next one is expected to cost.
    chargedMs: agent.key === FLOW_AGENT ? 0 : nowMs - claimedAtMs,
  };
  share.tenant.running += 1;
  adoptPermits(state, running);
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
  let best: { route: Route; share: Share } | undefined;
  for (const route of state.dirty) {
    const share = topShare(state, route);
    if (share === undefined) state.dirty.delete(route);
    else if (best === undefined || goesBefore({ route, share }, best)) best = { route, share };
  }
  return best?.route;
}

function dispatchOne(state: SchedulerState, route: Route, nowMs: number): RunningJob | undefined {
  const shared = freeSharedAgent(route);
  if (shared === undefined) return dispatchScoped(state, route, nowMs);
  for (;;) {
    const share = topShare(state, route);
    if (share === undefined) return undefined;
    const queue = nextQueue(state, share, nowMs);
    // All its groups are at their limits: it is the next one's turn.
    if (queue === undefined) continue;
    const own = route.scoped.get(share.tenant.workspace)?.find(hasFreeSlot);
    return dispatchFrom(state, queue, own ?? shared, nowMs);
  }
}

/** No shared slot is free: workspaces with agents of their own may still go on. */
function dispatchScoped(state: SchedulerState, route: Route, nowMs: number): RunningJob | undefined {
  for (const [workspace, agents] of route.scoped) {
    const share = route.shares.get(workspace);
    if (share === undefined || share.readyQueues === 0 || share.capped || share.tenant.frozen) continue;
    if (isAtCap(share)) {
      holdShare(share);
      continue;
    }
    const agent = agents.find(hasFreeSlot);
    const queue = agent === undefined ? undefined : nextQueue(state, share, nowMs);
    if (agent !== undefined && queue !== undefined) return dispatchFrom(state, queue, agent, nowMs);
  }
  return undefined;
}

/** The group of the share whose head goes first; those that turn out to be at a limit are parked on the way. */
function nextQueue(state: SchedulerState, share: Share, nowMs: number): JobQueue | undefined {
  for (;;) {
    const top = share.ready.peek();
    if (top === undefined) return undefined;
    const { queue, head } = top;
    if (queue.readyEntry === top && headOf(state, queue) === head) {
      const full = fullLimit(queue.limits, nowMs);
      if (full === undefined) return queue;
      share.ready.pop();
      parkQueue(state, queue, full, nowMs);
      continue;
    }
    share.ready.pop();
    if (queue.readyEntry !== top) continue;
    // Its head was removed: it lines up again with the next one.
    withdrawQueue(queue);
    announceQueue(state, queue);
  }
}

function dispatchFrom(state: SchedulerState, queue: JobQueue, agent: AgentState, nowMs: number): RunningJob | undefined {
  const job = popJob(state, queue);
  if (job === undefined) return undefined;
  const running = assign(state, queue.share, agent, job, nowMs);
  afterPick(state, queue, nowMs);
  return running;
}

function assign(state: SchedulerState, share: Share, agent: AgentState, job: WaitingJob, nowMs: number): RunningJob {
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
    chargedMs: charge(state.time, share),
  };
  state.running.set(job.id, running);
  agent.running.set(job.id, running);
  takePermits(state, running, nowMs);
  return running;
}

function freeSlot(state: SchedulerState, running: RunningJob): void {
  const agent = state.agents.get(running.agent);
  if (agent === undefined || agent.running.get(running.job.id) !== running) return;
  agent.running.delete(running.job.id);
  for (const route of agent.routes) if (route.waiting > 0) state.dirty.add(route);
}
