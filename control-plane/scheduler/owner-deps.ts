import type { Clock } from "../../kernel/clock.ts";
import type { AgentKey, JobId, Token, WorkspaceId } from "../../kernel/ids.ts";
import type { Changes } from "../db/change-watch.ts";
import type { FlushWriter } from "../jobs/flush-writer.ts";
import type { KeyStore } from "../jobs/key-store.ts";
import type { JobPayload } from "../jobs/model.ts";
import type { Log } from "../telemetry/log.ts";
import type { OwnerMetrics } from "../telemetry/owner-metrics.ts";
import type { ChangedLimits } from "../workspaces/workspace-limit-store.ts";
import type { AgentPort } from "./agent-port.ts";
import type { BundleLimits, BundleSource } from "./bundles.ts";
import type { JobQueue, WaitingJob } from "./core/model.ts";
import type { SchedulerState } from "./core/state-core.ts";
import type { FlowHost, FlowRunner } from "./flow-port.ts";
import type { TimerStore } from "./timer-store.ts";

/** What an owner reads back from the database. */
export interface OwnerStore extends TimerStore, KeyStore {
  /** @param dueMs jobs that waited for a moment up to this one belong to the queue too */
  refill(queue: JobQueue, limit: number, dueMs: number): Promise<WaitingJob[]>;
  payloads(jobs: readonly WaitingJob[]): Promise<Map<JobId, JobPayload>>;
  /** Whether this agent's end of an attempt is in history. Rejects when it is not and the lease is no longer ours: another owner may know the attempt. */
  isRecorded(id: JobId, agent: AgentKey, token: Token): Promise<boolean>;
  /** Notes with a running attempt that it is to be cancelled; nothing when it is no longer the valid one. Rejects when the lease is no longer ours. */
  markCancelled(job: WaitingJob, token: Token, reason: string): Promise<void>;
  /** Weights and caps that were written since an earlier call; see changedWorkspaceLimits. */
  workspaceLimits(since: string): Promise<ChangedLimits>;
  /** Removes what rate limits no longer need. */
  dropOldWindows(): Promise<void>;
}

interface OwnerTimes {
  /** An agent that was silent for this long has lost its attempts. It fences itself well before. */
  readonly reclaimMs: number;
  /** How long a home keeps the attempts of an owner that it does not hear, and an agent those of a home. */
  readonly homeFenceMs: number;
  /** An assignment that was not confirmed is sent again. */
  readonly resendMs: number;
  /** What the owner grants beyond an attempt's own deadline before it ends the job itself. */
  readonly marginMs: number;
}

export interface OwnerDeps {
  readonly state: SchedulerState;
  readonly writer: FlushWriter;
  readonly store: OwnerStore;
  readonly agents: AgentPort;
  readonly source: BundleSource;
  readonly clock: Clock;
  /** A number in [0, 1), for the jitter of retries. */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: OwnerMetrics;
  readonly limits: BundleLimits;
  readonly times: OwnerTimes;
  /** True for shards whose attempts are judged here. */
  readonly owns: (shard: number) => boolean;
  /** Called after each round of decisions. */
  readonly afterRound: () => void;
  /** Called after the commit that ended a job, and when one changes to running or goes back to those that wait. */
  readonly onChange: (workspace: WorkspaceId, id: JobId, change: "queued" | "running" | "ended") => void;
  /** Tells of limits that others have changed; without it they are looked for once a second. */
  readonly changes?: Changes | undefined;
  /** Makes the engine that runs the owner's flows. */
  readonly flows?: ((host: FlowHost) => FlowRunner) | undefined;
}
