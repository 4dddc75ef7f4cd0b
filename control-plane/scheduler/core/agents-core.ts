import { ChurnMap } from "../../../kernel/churn-map.ts";
import type { AgentKey, JobId, SessionId, Token, WorkspaceId } from "../../../kernel/ids.ts";
import type { AgentState, Route, RunningJob } from "./model.ts";
import { pinTagOf, ringOf } from "./pinned-core.ts";
import { routeOf, type SchedulerState } from "./state-core.ts";

/** What an agent says of itself when it connects. */
export interface AgentHello {
  readonly key: AgentKey;
  readonly name: string;
  readonly session: SessionId;
  /** Number of the session among those of the agent: of two the larger is the newer one. Absent when the home does not count. */
  readonly serial?: number;
  readonly workspace: WorkspaceId | undefined;
  readonly tags: readonly string[];
  readonly languages: readonly string[];
  readonly slots: number;
  /** Token by job of every attempt that it still has. */
  readonly held: ReadonlyMap<JobId, Token>;
}

export interface Attached {
  /** Attempts that this agent was given and no longer has: they go back into the queue. */
  readonly missing: RunningJob[];
  /** Held by the agent but not its own any more: it must kill and forget them. */
  readonly drop: { readonly id: JobId; readonly token: Token }[];
}

/**
 * A session begins, possibly of an agent that had one before. Attempts that the agent still holds go on as if
 * nothing had happened. An attempt whose claim is still being committed is not missing: it has not been sent yet.
 */
export function attachAgent(state: SchedulerState, hello: AgentHello): Attached {
  const agent = state.agents.get(hello.key) ?? newAgent(state, hello.key);
  leaveRoutes(agent);
  agent.name = hello.name;
  agent.session = hello.session;
  agent.workspace = hello.workspace;
  agent.slots = hello.slots;
  agent.silentSinceMs = undefined;
  const own = pinTagOf(hello.key);
  const tags = state.tags.has(own) ? [...hello.tags, own] : hello.tags;
  agent.routes = tags.flatMap((tag) => hello.languages.map((language) => routeOf(state, tag, language)));
  for (const route of agent.routes) {
    ringOf(route, agent.workspace).push(agent);
    state.dirty.add(route);
  }
  const missing: RunningJob[] = [];
  for (const running of agent.running.values()) {
    // A slot that it was claimed for was one of before: whether there is one now is seen when the claim is committed.
    running.session = undefined;
    if (running.phase === "claiming" || running.phase === "ending") continue;
    if (hello.held.get(running.job.id) === running.token) {
      if (running.phase === "assigned") running.phase = "received";
    } else missing.push(running);
  }
  const drop: Attached["drop"] = [];
  for (const [id, token] of hello.held) {
    const running = state.running.get(id);
    // One whose end is being committed is taken from the agent: if it still runs there, it must not go on until the commit tells it.
    if (running?.token !== token || running.agent !== agent.key || running.phase === "ending") drop.push({ id, token });
  }
  return { missing, drop };
}

/** The stream ended or fell silent; `sinceMs` is when the agent was last heard. The agent keeps its attempts until `reclaim` says otherwise. */
export function detachAgent(state: SchedulerState, key: AgentKey, session: SessionId, sinceMs: number): void {
  const agent = state.agents.get(key);
  if (agent === undefined || agent.session !== session) return;
  agent.session = undefined;
  agent.silentSinceMs = sinceMs;
  leaveRoutes(agent);
}

/** New number of slots, 0 while the agent drains. */
export function setSlots(state: SchedulerState, key: AgentKey, slots: number): void {
  const agent = state.agents.get(key);
  if (agent === undefined) return;
  agent.slots = slots;
  for (const route of agent.routes) state.dirty.add(route);
}

/**
 * Agents that were silent for `reclaimMs`: their attempts are lost, the agents are forgotten.
 * @param sinceOf from when to count the silence of an agent that was not heard since that moment
 */
export function reclaimSilent(
  state: SchedulerState,
  nowMs: number,
  reclaimMs: number,
  sinceOf = (silentSinceMs: number): number => silentSinceMs,
): RunningJob[] {
  const lost: RunningJob[] = [];
  for (const agent of state.agents.values()) {
    if (agent.silentSinceMs === undefined || nowMs - sinceOf(agent.silentSinceMs) < reclaimMs) continue;
    for (const running of agent.running.values()) {
      if (running.phase !== "ending" && running.phase !== "claiming") lost.push(running);
    }
    if (agent.running.size === 0) state.agents.delete(agent.key);
  }
  return lost;
}

/** An agent known only from rows that an earlier owner wrote: it may come back and declare its attempts. */
export function silentAgent(state: SchedulerState, key: AgentKey, nowMs: number): AgentState {
  const known = state.agents.get(key);
  if (known !== undefined) return known;
  const agent = newAgent(state, key);
  agent.silentSinceMs = nowMs;
  return agent;
}

/** The next agent with a free slot, in turns; the workspace's own agents first. */
export function freeAgent(route: Route, workspace: WorkspaceId): AgentState | undefined {
  const own = route.scoped.get(workspace);
  return own?.find(hasFreeSlot) ?? freeSharedAgent(route);
}

/**
 * Agents take turns of up to eight jobs, so that one frame carries several assignments under load while
 * short queues still spread over the fleet.
 */
export function freeSharedAgent(route: Route): AgentState | undefined {
  const agents = route.shared;
  for (let tried = 0; tried < agents.length; tried++) {
    const agent = agents[route.turn % agents.length];
    if (agent !== undefined && hasFreeSlot(agent)) {
      if (agent.running.size % 8 === 7) route.turn = (route.turn + 1) % agents.length;
      return agent;
    }
    route.turn = (route.turn + 1) % agents.length;
  }
  return undefined;
}

export function hasFreeSlot(agent: AgentState): boolean {
  return agent.session !== undefined && agent.running.size < agent.slots;
}

function newAgent(state: SchedulerState, key: AgentKey): AgentState {
  const agent: AgentState = {
    key,
    name: "",
    session: undefined,
    workspace: undefined,
    routes: [],
    slots: 0,
    running: new ChurnMap(),
    silentSinceMs: undefined,
  };
  state.agents.set(key, agent);
  return agent;
}

function leaveRoutes(agent: AgentState): void {
  for (const route of agent.routes) {
    const agents = ringOf(route, agent.workspace);
    const at = agents.indexOf(agent);
    if (at >= 0) agents.splice(at, 1);
  }
  agent.routes = [];
}
