import { type AgentKey, asAgentKey, type JobId, type WorkspaceId } from "../../../kernel/ids.ts";
import type { AgentState, Route, WaitingJob } from "./model.ts";

/**
 * Jobs that only one agent can run, since it has the folder that the steps of their flow share. They wait on a tag of that agent, which nobody can
 * name: so rows, refills, limits, accounts and shares of slots are those of any other tag. The routes of such a tag are made with the first job
 * that waits there, and go with the last.
 */
const PREFIX = "$agent:";

export const pinTagOf = (agent: AgentKey): string => `${PREFIX}${agent}`;

/** The agent whose own tag it is. */
export function pinnedAgentOf(tag: string): AgentKey | undefined {
  return tag.startsWith(PREFIX) ? asAgentKey(tag.slice(PREFIX.length)) : undefined;
}

/** A new route of an agent's own tag: it serves it if it has the language. */
export function joinPinned(agents: ReadonlyMap<AgentKey, AgentState>, route: Route): void {
  const key = pinnedAgentOf(route.tag);
  const agent = key === undefined ? undefined : agents.get(key);
  if (agent?.session === undefined || !agent.routes.some(({ language }) => language === route.language)) return;
  ringOf(route, agent.workspace).push(agent);
  agent.routes.push(route);
}

/** The route is forgotten. */
export function leavePinned(agents: ReadonlyMap<AgentKey, AgentState>, route: Route): void {
  const key = pinnedAgentOf(route.tag);
  const agent = key === undefined ? undefined : agents.get(key);
  const at = agent?.routes.indexOf(route) ?? -1;
  if (at >= 0) agent?.routes.splice(at, 1);
}

/** Who serves a route: the agents of one workspace, or those of all. */
export function ringOf(route: Route, workspace: WorkspaceId | undefined): AgentState[] {
  if (workspace === undefined) return route.shared;
  const agents = route.scoped.get(workspace) ?? [];
  route.scoped.set(workspace, agents);
  return agents;
}

/** A job that waits for its agent in vain. */
export interface Stray {
  readonly job: WaitingJob;
  readonly reason: "folder_lost" | "runtime_missing";
  readonly message: string;
}

/** What `strays` looks at. */
interface PinnedJobs {
  readonly routes: ReadonlyMap<string, Route>;
  readonly agents: ReadonlyMap<AgentKey, AgentState>;
  readonly waiting: ReadonlyMap<JobId, WaitingJob>;
}

/**
 * Jobs in memory whose agent has been silent for `reclaimMs`, or is there and has no such language. Others come into memory when these are gone.
 * @param missed called for an agent that is not known: it counts as silent from now on
 */
export function strays({ routes, agents, waiting }: PinnedJobs, nowMs: number, reclaimMs: number, missed: (agent: AgentKey) => void): Stray[] {
  const inVain = new Map<string, Omit<Stray, "job">>();
  for (const route of routes.values()) {
    const key = pinnedAgentOf(route.tag);
    if (key === undefined || route.waiting === 0) continue;
    const agent = agents.get(key);
    const why = agent === undefined ? undefined : whyNot(agent, route, nowMs, reclaimMs);
    if (agent === undefined) missed(key);
    if (why !== undefined) inVain.set(route.key, why);
  }
  if (inVain.size === 0) return [];
  return [...waiting.values()].flatMap((job) => {
    const why = inVain.get(routeKeyOf(job.tag, job.language));
    return why === undefined ? [] : [{ job, ...why }];
  });
}

export const routeKeyOf = (tag: string, language: string): string => `${tag}\u0000${language}`;

function whyNot(agent: AgentState, route: Route, nowMs: number, reclaimMs: number): Omit<Stray, "job"> | undefined {
  if (agent.session === undefined) {
    if (agent.silentSinceMs === undefined || nowMs - agent.silentSinceMs < reclaimMs) return undefined;
    return { reason: "folder_lost", message: "the agent that has the folder of the flow's steps has gone" };
  }
  if (agent.routes.includes(route)) return undefined;
  return { reason: "runtime_missing", message: `the agent that has the folder of the flow's steps offers no runtime ${route.language}` };
}
