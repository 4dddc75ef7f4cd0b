import type { Heap } from "../../../kernel/heap.ts";
import type { AgentKey, JobId, SessionId, Token, WorkspaceId } from "../../../kernel/ids.ts";
import type { JobPolicy } from "./retry-core.ts";

/** What the scheduler knows of a job that waits. Payloads are not here: the owner keeps them apart and may drop them. */
export interface WaitingJob {
  readonly id: JobId;
  readonly workspace: WorkspaceId;
  readonly shard: number;
  readonly tag: string;
  readonly language: string;
  /** Lower goes sooner. */
  readonly prio: number;
  readonly dueAtMs: number;
  /** Attempts started before. */
  readonly attempt: number;
  /** How many of those ended because the agent went away. */
  readonly lost: number;
  readonly scriptId: string | undefined;
  readonly timeoutMs: number | undefined;
  /** Attempts that failed by themselves and were tried again; absent for none. */
  readonly failed?: number | undefined;
  readonly policy?: JobPolicy | undefined;
}

/**
 * claiming: the row's move to job_running is not yet committed · assigned: committed, sent or about to be ·
 * received / started: the agent said so · ending: its end is being committed.
 */
export type RunningPhase = "claiming" | "assigned" | "received" | "started" | "ending";

export interface RunningJob {
  readonly job: WaitingJob;
  readonly token: Token;
  readonly agent: AgentKey;
  /** The agent's session at the claim. */
  readonly session: SessionId | undefined;
  /** Monotonic, like all times here but `startedAtMs`: neither the wall clock nor an agent's clock decides on deadlines. */
  readonly claimedAtMs: number;
  phase: RunningPhase;
  /** When it was last sent to the agent; 0 when it was not sent by this owner. */
  sentAtMs: number;
  /** How often it was sent without being confirmed. */
  sends: number;
  /** When the server heard of the start, monotonic. */
  startHeardMs: number | undefined;
  /** When the process began by the agent's clock, cut to what is possible; wall clock, for people. */
  startedAtMs: number | undefined;
  cancel: { reason: string; atMs: number } | undefined;
  /** Milliseconds that the workspace was charged in advance. */
  readonly chargedMs: number;
}

/** An agent as the scheduler sees it; it outlives its sessions. */
export interface AgentState {
  readonly key: AgentKey;
  name: string;
  session: SessionId | undefined;
  /** Undefined: serves every workspace. */
  workspace: WorkspaceId | undefined;
  routes: Route[];
  slots: number;
  readonly running: Map<JobId, RunningJob>;
  /** Since when nothing was heard of it; undefined while it is connected. */
  silentSinceMs: number | undefined;
}

/** Fairness account of a workspace: stride scheduling on worker time (Waldspurger and Weihl, 1995). */
export interface Tenant {
  readonly workspace: WorkspaceId;
  /** Virtual time, milliseconds of worker time divided by weight. The lowest goes first. */
  pass: number;
  weight: number;
  /** Worker time that was charged in advance and not used; taken off the next charge. */
  creditMs: number;
  waiting: number;
  running: number;
  /** Its shard is being handed over: nothing of it is picked any more. */
  frozen: boolean;
}

/** The waiting jobs of one workspace on one route, in the order (prio, due_at, id). */
export interface JobQueue {
  readonly tenant: Tenant;
  readonly route: Route;
  /** Entries may be stale: a job that is no longer in `state.waiting` is skipped. */
  readonly hot: Heap<WaitingJob>;
  hotCount: number;
  /** The job in memory that sorts last, as long as the queue was not empty since. */
  tail: WaitingJob | undefined;
  /** Rows that are only in the database; all sort at or after `cursor`. An upper bound unless 0. */
  cold: number;
  cursor: WaitingJob | undefined;
  refilling: boolean;
  /** Jobs that were admitted while a refill was under way: its snapshot may lack them. */
  readonly duringRefill: WaitingJob[];
  inHeap: boolean;
}

/** All that can be run by the same agents: a tag and a language. */
export interface Route {
  readonly key: string;
  readonly tag: string;
  readonly language: string;
  readonly queues: Map<WorkspaceId, JobQueue>;
  /** Queues with hot jobs, lowest pass first. An entry's pass may be out of date; it is corrected when it surfaces. */
  readonly ready: Heap<{ queue: JobQueue; pass: number }>;
  /** Hot and cold jobs, and those reserved because their insert is not yet committed. */
  waiting: number;
  readonly shared: AgentState[];
  readonly scoped: Map<WorkspaceId, AgentState[]>;
  /** Whose turn it is in `shared`. */
  turn: number;
  /** Mean run time, milliseconds, exponentially weighted. */
  meanRunMs: number;
}

/** A decision: this job goes to this agent under this token. */
export interface Assignment {
  readonly running: RunningJob;
  /** True when the job never waited: it is inserted as running at once. */
  readonly direct: boolean;
}
