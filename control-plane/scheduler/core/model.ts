import type { ChurnSet } from "../../../kernel/churn-map.ts";
import type { Heap } from "../../../kernel/heap.ts";
import type { AgentKey, JobId, SessionId, Token, WorkspaceId } from "../../../kernel/ids.ts";
import type { JobLimits, LimitSpec } from "./limit-model.ts";
import type { Window } from "./rate-core.ts";
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
  /** Undefined: none. */
  readonly limits?: JobLimits | undefined;
  /** Attempts that failed by themselves and were tried again; absent for none. */
  readonly failed?: number | undefined;
  readonly policy?: JobPolicy | undefined;
}

/** A job that is leaving its queue: it as it was in memory, and as it was read, or came, since. */
export interface Leaving {
  readonly known: WaitingJob | undefined;
  readSince: WaitingJob | undefined;
}

/**
 * claiming: the row's move to job_running is not yet committed · assigned: committed, sent or about to be ·
 * received / started: the agent said so · ending: its end is being committed.
 */
type RunningPhase = "claiming" | "assigned" | "received" | "started" | "ending";

export interface RunningJob {
  readonly job: WaitingJob;
  readonly token: Token;
  readonly agent: AgentKey;
  /** The agent's session at the claim; undefined when the agent was attached anew since, which may be under the same session. */
  session: SessionId | undefined;
  /** Monotonic, like all times here but `startedAtMs`: neither the wall clock nor an agent's clock decides on deadlines. */
  readonly claimedAtMs: number;
  phase: RunningPhase;
  /** When this owner last sent it to the agent, or was to and could not make the bundle; 0 when it was not to be sent yet, or by this owner. */
  sentAtMs: number;
  /** How often this owner has sent it without its being confirmed. */
  sends: number;
  /** When the server heard of the start, monotonic. */
  startHeardMs: number | undefined;
  /** When the process began by the agent's clock, cut to what is possible; wall clock, for people. */
  startedAtMs: number | undefined;
  cancel: { reason: string; atMs: number } | undefined;
  /** Milliseconds that the workspace has been charged for it so far. */
  chargedMs: number;
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

/** Where the workspaces that wait for the same slots stand; see fair-core.ts. */
export interface VirtualTime {
  /** Pass of the last pick: where one begins that has not been waiting. */
  now: number;
  /** The highest pass of all. */
  highest: number;
  /** Shares in the ready heaps. */
  ready: number;
}

/** What a workspace has used; the lowest pass goes first. */
export interface Account {
  /** Milliseconds of worker time, divided by the weight. */
  pass: number;
  /** Worker time that was charged in advance and not used; taken off the next charge. */
  creditMs: number;
  /** Shares of the account that are in a ready heap. */
  ready: number;
}

export interface Tenant {
  readonly workspace: WorkspaceId;
  weight: number;
  /** Most jobs that it may run at a time; undefined: any number. */
  maxRunning: number | undefined;
  /** Over all tags. */
  readonly account: Account;
  waiting: number;
  /** Attempts that use a slot. */
  running: number;
  /** Attempts that count for `maxRunning`: from before the claim commits until after the end has. */
  permits: number;
  /** Its shares that wait for a permit. */
  readonly capped: Set<Share>;
  readonly shares: Set<Share>;
  /** Its shard is being handed over: nothing of it is picked any more, and its shares are in no heap. */
  frozen: boolean;
}

/** The routes of one tag: workspaces share its slots by one account each, whatever languages they use. */
export interface Tag {
  readonly name: string;
  readonly time: VirtualTime;
  readonly accounts: Map<WorkspaceId, Account>;
  routes: number;
}

/** An entry of a ready heap; stale unless its share or queue names it. */
export interface ReadyShare {
  readonly share: Share;
  readonly pass: number;
}
export interface ReadyQueue {
  readonly queue: JobQueue;
  readonly head: WaitingJob;
}

/** What waits of one workspace on one route. */
export interface Share {
  readonly tenant: Tenant;
  readonly route: Route;
  /** The workspace's account on the route's tag. */
  readonly account: Account;
  readonly queues: Map<string, JobQueue>;
  /** Groups that have a job in memory and are not parked, by their heads. */
  readonly ready: Heap<ReadyQueue>;
  readyQueues: number;
  entry: ReadyShare | undefined;
  waiting: number;
  /** Jobs in memory. */
  hot: number;
  /** Jobs of parked groups. */
  held: number;
  /** Out of the route's heap, since the workspace runs as much as it may. */
  capped: boolean;
  /** Mean run time of its jobs here, milliseconds, exponentially weighted. */
  meanRunMs: number | undefined;
}

/**
 * The waiting jobs of one concurrency group: of one workspace, on one route, with the same limit keys; in the order (prio, due_at, id). Jobs
 * without limits are a group, too.
 */
export interface JobQueue {
  readonly share: Share;
  readonly tenant: Tenant;
  readonly route: Route;
  readonly group: string;
  readonly limits: readonly Limit[];
  /** Entries may be stale: a job that is no longer in `state.waiting` is skipped. */
  readonly hot: Heap<WaitingJob>;
  hotCount: number;
  /** Hot, cold and reserved. */
  waiting: number;
  /** The job in memory that sorts last, as long as the queue was not empty since. */
  tail: WaitingJob | undefined;
  /** Rows that are only in the database; all sort at or after `cursor`. An upper bound unless 0. */
  cold: number;
  cursor: WaitingJob | undefined;
  refilling: boolean;
  /** Jobs that were admitted while a refill was under way: its snapshot may lack them. */
  readonly duringRefill: WaitingJob[];
  readyEntry: ReadyQueue | undefined;
  /** The limit that it waits for, out of the share's heap. */
  parkedOn: Limit | undefined;
  parkedEntry: ParkedQueue | undefined;
  /** The limit that let it go and counts on it to take a permit. */
  wokenBy: Limit | undefined;
}

/** A place in line among the groups that are parked on a limit. */
export interface ParkedQueue {
  readonly queue: JobQueue;
  readonly head: WaitingJob;
}

/** The groups of one route that wait for a limit. Each route has a line of its own: one that has no free slots must not hold up another. */
export interface Line {
  /** Groups that found the limit full, by their heads. Entries may be stale: one that is not its queue's `parkedEntry` is skipped. */
  readonly parked: Heap<ParkedQueue>;
  queues: number;
  /** Groups that were let go for a free permit and have not been tried yet. */
  woken: number;
}

/** A limit in the owner's memory, as long as a job waits under it, runs under it, or its window remembers starts. */
export interface Limit {
  readonly id: string;
  readonly workspace: WorkspaceId;
  /** The newest definition that was seen; `definedBy` is the job that brought it. */
  spec: LimitSpec;
  definedBy: JobId;
  /** Attempts that hold a permit, in the order of their claims: from before the claim commits until after the end has. */
  readonly holders: ChurnSet<RunningJob>;
  /** Starts that still count, of a rate limit. */
  readonly window: Window | undefined;
  /** Of a debounce: when its waiting job may start, and when the first came that it replaced. Undefined: nobody waits, or since an unknown time. */
  quiet: { readonly opensAtMs: number; readonly firstMs: number } | undefined;
  /** Jobs that wait under it, in memory or not. */
  waiting: number;
  readonly lines: Map<Share, Line>;
  parkedQueues: number;
  /** Jobs that wait in parked groups. */
  parkedJobs: number;
  readonly queues: Set<JobQueue>;
  /** When the timer heap will look at it. */
  wakeAtMs: number | undefined;
}

/** All that can be run by the same agents: a tag and a language. */
export interface Route {
  readonly key: string;
  readonly tag: string;
  readonly language: string;
  readonly tagState: Tag;
  readonly shares: Map<WorkspaceId, Share>;
  /** Shares with jobs that may be picked, lowest pass first. An entry's pass may be out of date; it is corrected when it surfaces. */
  readonly ready: Heap<ReadyShare>;
  /** Hot and cold jobs, and those reserved because their insert is not yet committed. */
  waiting: number;
  /** How many of them are held back by a limit: no slot would help them. */
  held: number;
  readonly shared: AgentState[];
  readonly scoped: Map<WorkspaceId, AgentState[]>;
  /** Whose turn it is in `shared`. */
  turn: number;
  /** Mean run time, milliseconds, exponentially weighted. */
  meanRunMs: number | undefined;
}

/** A decision: this job goes to this agent under this token. */
export interface Assignment {
  readonly running: RunningJob;
  /** True when the job never waited: it is inserted as running at once. */
  readonly direct: boolean;
}
