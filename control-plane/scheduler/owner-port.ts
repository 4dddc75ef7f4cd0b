import type { AgentKey, JobId, SessionId, Token, WorkspaceId } from "../../kernel/ids.ts";
import type { Instant } from "../../kernel/instant.ts";
import type { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { JobEnd, NewJob } from "../jobs/model.ts";
import type { AgentPort, FinishVerdict } from "./agent-port.ts";
import type { CancelOutcome } from "./cancels.ts";
import type { AgentHello } from "./core/agents-core.ts";
import type { WaitingOn, WaitReason } from "./core/wait-reason.ts";
import type { Accepted } from "./keyed-jobs.ts";

/** How many slots of an agent an owner may use from now on; agents/slots-core.ts has the rules. */
export interface ShareOrder {
  readonly seq: number;
  readonly round: number;
  readonly slots: number;
}

/** What an owner holds of an agent's slots. */
export interface HoldingReport extends ShareOrder {
  /** Attempts that it no longer counts, since it gave their shard away. */
  readonly uncovered: readonly Token[];
  /** Attempts that it took over or kept, and wants counted as its own. */
  readonly adopted: readonly Token[];
}

/** Jobs that wait at an owner although it has used its share up. */
export interface RouteDemand {
  readonly tag: string;
  readonly language: string;
  readonly waiting: number;
  /** Workspaces among them. */
  readonly tenants: number;
}

/** A home as an owner sees it: the way to its agents, and who decides on their slots. */
export interface Home extends AgentPort {
  holding(session: SessionId, report: HoldingReport): void;
  /** Replaces what was said before. */
  demand(routes: readonly RouteDemand[]): void;
}

export type { CancelOutcome };
export interface AttemptId {
  readonly id: JobId;
  readonly token: Token;
}
/** What a wait reason is asked for. */
export type WaitingFor = WaitingOn;

/**
 * An owner as the API and the homes see it; the one of this replica and those behind peer links look the same. "moved": the shard is not
 * owned there (any more, or yet), and nothing was done. Errors of what returns a promise: `unavailable` when it cannot be known.
 */
export interface OwnerPort {
  /** Stays the same over restarts under one name. */
  readonly replicaId: string;
  /** True for the owner of this replica. */
  readonly isLocal: boolean;
  /** The owner has certainly heard of this home at that moment or later. */
  confirmedAt(): Instant;
  /** Jobs of one workspace; those with a key that was used before are found. Errors: also already_exists, see KeyedJobs. */
  enqueue(jobs: readonly NewJob[]): Promise<readonly Accepted[] | "moved">;
  cancel(job: { readonly id: JobId; readonly workspace: WorkspaceId }, reason: string): Promise<CancelOutcome | "moved">;
  waitReason(job: WaitingFor): Promise<WaitReason | undefined>;
  /** A session begins. @returns attempts that the agent must drop, as far as that is known at once; others are cancelled later */
  attach(hello: AgentHello): AttemptId[];
  /** @param heardAtMs monotonic time of the agent's last frame */
  detach(key: AgentKey, session: SessionId, heardAtMs: number): void;
  share(session: SessionId, order: ShareOrder): void;
  received(session: SessionId, attempt: AttemptId): void;
  started(session: SessionId, attempt: AttemptId, atMs: number): void;
  /** All that the agent holds now, whoever owns it; what the owner has given away is cancelled. */
  held(session: SessionId, held: ReadonlyMap<JobId, Token>): void;
  /** Folders that the agent keeps, by the run of a flow; those of runs that have ended are cancelled, under the run's id. */
  folders(session: SessionId, folders: ReadonlyMap<JobId, Token>): void;
  /** @param wire the report as it came, for those who pass it on */
  finished(agent: AgentKey, end: Omit<JobEnd, "workspace">, wire: Finished): Promise<FinishVerdict | "moved">;
}
