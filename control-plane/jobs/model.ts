import type { Exit } from "../../kernel/exit.ts";
import type { AgentKey, JobId, Token, WorkspaceId } from "../../kernel/ids.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import type { JobKey } from "./idempotency-key.ts";

/** Workspaces are spread over this many logical shards: the unit of scheduling ownership. */
export const SHARDS = 64;
/** Child tables of the hot tables; each holds SHARDS / LANES consecutive shards. */
export const LANES = 4;

/** Shard of a workspace: a multiplicative hash of its number (Knuth, 6.4), so that neighbours spread over the lanes. */
export function shardOf(workspace: WorkspaceId): number {
  return Number((BigInt(workspace) * 2654435761n) & 0xffffffffn) >>> 26;
}

/** Shard of the job that an attempt belongs to: the lowest six bits of its token. The last six decimal digits are enough, 10^6 is a multiple of 64. */
export function shardOfToken(token: Token): number {
  return Number(token.slice(-6)) % SHARDS;
}

/** Bits of a token that number the attempts of one epoch, the shard among them. What is above is the epoch. */
export const SEQUENCE_BITS = 40n;

/** Epoch under which an attempt was claimed: that of its owner then. */
export function epochOfToken(token: Token): number {
  return Number(BigInt(token) >> SEQUENCE_BITS);
}

export function laneOf(shard: number): number {
  return Math.floor(shard / (SHARDS / LANES));
}

/**
 * A run of a deployed script, a run of inline code, finding out what a script depends on, a run of a flow, or a step of one. The position is the
 * number that is stored.
 */
export const JOB_KINDS = ["script", "inline", "dependencies", "flow", "step"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** The kind that a stored number stands for. */
export function kindOf(stored: number): JobKind {
  return JOB_KINDS[stored] ?? "inline";
}

/** What a job runs; immutable. */
export interface JobPayload {
  readonly kind: JobKind;
  readonly scriptHash: string | undefined;
  /** Inline code; a deployed script's code is found by its hash. */
  readonly code: string | undefined;
  /** JSON text of an object. */
  readonly argsJson: string;
  readonly createdBy: string;
}

/** The end of an attempt, as it goes into history. */
export interface JobEnd {
  readonly id: JobId;
  readonly workspace: WorkspaceId;
  readonly token: Token;
  readonly exit: Exit;
  readonly resultJson: string;
  readonly startedAtMs: number | undefined;
  readonly doneAtMs: number;
  readonly runUs: number | undefined;
  readonly logChunks: number;
  readonly logBytes: number;
  readonly logDroppedBytes: number;
}

/** What a claim leaves of a rate limit's window, for the next owner; times are relative to the moment of the claim. */
export interface WindowRecord {
  readonly workspace: WorkspaceId;
  /** The limit's. */
  readonly id: string;
  readonly starts: number;
  readonly windowMs: number;
  readonly agesMs: readonly number[];
  readonly tatInMs: number | undefined;
  readonly token: Token;
  /** Until no start counts any more. */
  readonly keepMs: number;
}

/** What only few jobs have: a flush of jobs without any of it has no columns for it. */
export interface JobSpecial {
  /** Not before this moment. */
  readonly scheduledForMs: number | undefined;
  /** Ends unless an attempt begins before. */
  readonly expiresAtMs: number | undefined;
  readonly key: JobKey | undefined;
}

/** A job that is to be accepted. */
export interface NewJob {
  readonly job: WaitingJob;
  readonly payload: JobPayload;
  readonly special?: JobSpecial | undefined;
}

/** A job as far as its own rows need it named. */
export type JobRef = Pick<WaitingJob, "id" | "workspace" | "shard" | "policy">;

/** What a flow writes beside its jobs: rows that nothing changes but the owner of its shard. */
export type FlowChange =
  /** @param seq number of the last of these events @param state what all events up to it lead to, now and then, so that a replay is short */
  | { readonly kind: "flow_event"; readonly seq: number; readonly atMs: number; readonly eventsJson: string; readonly stateJson: string | undefined }
  | { readonly kind: "flow_item"; readonly items: readonly FlowItem[] }
  /** When something happens to the flow by itself. @param awake false: nothing else does before that moment */
  | { readonly kind: "flow_next"; readonly dueAtMs: number | undefined; readonly awake: boolean }
  | { readonly kind: "flow_over" }
  /** An approval has become an event. */
  | { readonly kind: "flow_approved"; readonly number: string }
  /** A result that others may have, see cache_ttl. */
  | { readonly kind: "flow_cached"; readonly key: string; readonly expiresAtMs: number; readonly resultJson: string }
  /** It has ended, and some of its steps are to be deleted. */
  | { readonly kind: "flow_used" };

/** list: items first … of the list that a loop goes through, as a JSON list · value: where the value of an iteration or branch is */
export interface FlowItem {
  readonly place: string;
  readonly part: "list" | "value";
  readonly index: number;
  readonly json: string;
}

/** One thing that the next flush of a lane does. All of a flush commits or none. */
export type FlushOperation =
  | {
      readonly kind: "insert";
      readonly job: WaitingJob;
      readonly payload: JobPayload;
      readonly direct: { readonly token: Token; readonly agent: AgentKey } | undefined;
      readonly special?: JobSpecial | undefined;
      readonly windows?: readonly WindowRecord[] | undefined;
    }
  /** A new job that ends at once, without ever having waited or run. */
  | {
      readonly kind: "refuse";
      readonly job: WaitingJob;
      readonly payload: JobPayload;
      readonly special?: JobSpecial | undefined;
      readonly doneAtMs: number;
      readonly exit: Exit;
      readonly resultJson: string;
    }
  | {
      readonly kind: "claim";
      readonly job: WaitingJob;
      readonly token: Token;
      readonly agent: AgentKey;
      readonly windows?: readonly WindowRecord[] | undefined;
    }
  | { readonly kind: "finish"; readonly job: WaitingJob; readonly end: JobEnd }
  /** @param expiresAtMs of a job that has not begun yet, since the attempt was never sent */
  | { readonly kind: "requeue"; readonly job: WaitingJob; readonly token: Token; readonly expiresAtMs?: number | undefined }
  /** As requeue, keeping the end of the attempt; the job waits for its `dueAtMs` when `deferred`. */
  | { readonly kind: "retry"; readonly job: WaitingJob; readonly end: JobEnd; readonly deferred: boolean }
  | {
      readonly kind: "cancel";
      readonly job: JobRef;
      readonly doneAtMs: number;
      readonly exit: Exit;
      readonly resultJson: string;
    }
  /** @param job the flow's */
  | { readonly kind: "flow"; readonly job: JobRef; readonly change: FlowChange };

/** moved: the row changed its place · gone: there was no such row (any more), nothing was done */
export type FlushOutcome = "moved" | "gone";

/** An operation, and whom to tell: exactly one of the callbacks is called, after its flush has committed or failed. */
export interface Write {
  readonly operation: FlushOperation;
  readonly settle: (outcome: FlushOutcome) => void;
  readonly fail: (error: unknown) => void;
}

export type Submit = (operation: FlushOperation, settle: Write["settle"], fail: Write["fail"]) => void;
