import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import type { LimitSpec } from "./limit-model.ts";
import { fullLimit, opensAt } from "./limits-core.ts";
import type { AgentState, Route, Share } from "./model.ts";
import { pinnedAgentOf, routeKeyOf } from "./pinned-core.ts";
import { isAtCap } from "./ready-core.ts";
import type { SchedulerState } from "./state-core.ts";

/** Why a job waits, as data; the message is for people. */
export type WaitReason = { readonly message: string } & WaitCause;

type WaitCause =
  | { readonly code: "no_agent" | "no_runtime" | "agents_draining" }
  | { readonly code: "slots_busy"; readonly slots: number }
  /** Milliseconds until the window opens; 0 when it is not known. */
  | { readonly code: "concurrency"; readonly key: string; readonly limit: number; readonly running: number }
  | { readonly code: "rate"; readonly key: string; readonly starts: number; readonly windowMs: number; readonly opensInMs: number }
  | { readonly code: "debounce"; readonly key: string; readonly opensInMs: number }
  | { readonly code: "workspace_cap"; readonly limit: number; readonly running: number }
  | { readonly code: "turn"; readonly waiting: number };

export type WaitCode = WaitCause["code"];

export interface WaitingOn {
  readonly workspace: WorkspaceId;
  readonly tag: string;
  readonly language: string;
  /** Concurrency group; undefined or "0": none. */
  readonly group?: string | undefined;
  readonly id?: JobId | undefined;
}

/** Why a waiting job does not run: what it needs most first. Costs as much as there are agents. */
export function waitReason(state: SchedulerState, job: WaitingOn, nowMs: number): WaitReason {
  const agents = agentReason(state, job);
  if (agents !== undefined && agents.code !== "slots_busy") return agents;
  return limitReason(state, job, nowMs) ?? agents ?? turnReason(state, job);
}

/** Jobs that wait, by reason; for a metric. Costs as much as there are workspaces that wait. */
export function countByReason(state: SchedulerState): Record<WaitCode, number> {
  const counts: Record<WaitCode, number> = {
    no_agent: 0,
    no_runtime: 0,
    agents_draining: 0,
    slots_busy: 0,
    concurrency: 0,
    rate: 0,
    debounce: 0,
    workspace_cap: 0,
    turn: 0,
  };
  for (const limit of state.limits.values()) counts[limit.spec.kind === "running" ? "concurrency" : limit.spec.kind] += limit.parkedJobs;
  for (const route of state.routes.values()) {
    if (route.waiting === 0) continue;
    const common = routeReason(state, route, undefined);
    for (const share of route.shares.values()) {
      const free = share.waiting - share.held;
      if (free === 0) continue;
      const code = route.scoped.has(share.tenant.workspace) ? routeReason(state, route, share.tenant.workspace) : common;
      counts[share.capped ? "workspace_cap" : code] += free;
    }
  }
  return counts;
}

function routeReason(state: SchedulerState, { tag, language }: Route, workspace: WorkspaceId | undefined): WaitCode {
  return agentReason(state, { tag, language, workspace })?.code ?? "turn";
}

function agentReason(state: SchedulerState, job: { tag: string; language: string; workspace: WorkspaceId | undefined }): WaitReason | undefined {
  const serving = [...state.agents.values()].filter(
    (agent) => agent.session !== undefined && (agent.workspace === undefined || agent.workspace === job.workspace),
  );
  const pinned = pinnedAgentOf(job.tag);
  if (pinned !== undefined) return pinnedReason(serving.find(({ key }) => key === pinned));
  const tagged = serving.filter((agent) => agent.routes.some((route) => route.tag === job.tag));
  if (tagged.length === 0) return { code: "no_agent", message: `no agent with tag ${job.tag} is connected` };
  const able = tagged.filter((agent) => agent.routes.some((route) => route.tag === job.tag && route.language === job.language));
  if (able.length === 0) return { code: "no_runtime", message: `no agent with tag ${job.tag} offers runtime ${job.language}` };
  if (able.every((agent) => agent.slots === 0)) return { code: "agents_draining", message: `every agent with tag ${job.tag} is draining` };
  const total = (of: (agent: AgentState) => number): number => able.reduce((sum, agent) => sum + of(agent), 0);
  const slots = total((agent) => agent.slots);
  if (total((agent) => agent.running.size) < slots) return undefined;
  return { code: "slots_busy", slots, message: `all ${slots} slots of tag ${job.tag} are busy` };
}

/** Of a step that only the agent with its flow's folder can run. One that has no such runtime is not waited for. */
function pinnedReason(agent: AgentState | undefined): WaitReason | undefined {
  const name = "the agent that has the folder of the flow's steps";
  if (agent === undefined) return { code: "no_agent", message: `${name} is not connected` };
  const { slots } = agent;
  if (slots === 0) return { code: "agents_draining", message: `${name} is draining` };
  return agent.running.size < slots ? undefined : { code: "slots_busy", slots, message: `all ${slots} slots of ${name} are busy` };
}

function limitReason(state: SchedulerState, job: WaitingOn, nowMs: number): WaitReason | undefined {
  const share = shareOn(state, job);
  if (share === undefined) return undefined;
  const { tenant } = share;
  if (isAtCap(share)) {
    const limit = tenant.maxRunning ?? 0;
    return { code: "workspace_cap", limit, running: tenant.permits, message: `the workspace runs ${tenant.permits} jobs, ${limit} are allowed` };
  }
  const full = fullLimit(share.queues.get(job.group ?? "")?.limits ?? [], nowMs);
  if (full === undefined) return undefined;
  const { spec } = full;
  if (spec.kind === "running") {
    const running = full.holders.size;
    return { code: "concurrency", key: spec.key, limit: spec.max, running, message: `${running} of ${spec.max} jobs run for ${describeKey(spec)}` };
  }
  const opensInMs = Math.max(0, Math.ceil((opensAt(full) ?? nowMs) - nowMs));
  if (spec.kind === "debounce") {
    return { code: "debounce", key: spec.key, opensInMs, message: `waits ${seconds(opensInMs)} for another job of ${describeKey(spec)} to replace it` };
  }
  const { starts, windowMs } = spec;
  const message = `${describeKey(spec)} may start ${starts} jobs in ${seconds(windowMs)}: the next in ${seconds(opensInMs)}`;
  return { code: "rate", key: spec.key, starts, windowMs, opensInMs, message };
}

function turnReason(state: SchedulerState, job: WaitingOn): WaitReason {
  const waiting = shareOn(state, job)?.waiting ?? 0;
  return { code: "turn", waiting, message: `waiting for its turn among ${waiting} of the workspace` };
}

/** A limit's key in a sentence. */
function describeKey(spec: LimitSpec): string {
  return `key ${spec.key}`;
}

function shareOn(state: SchedulerState, job: WaitingOn): Share | undefined {
  return state.routes.get(routeKeyOf(job.tag, job.language))?.shares.get(job.workspace);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
