import type { Heap } from "../../../kernel/heap.ts";
import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import type { JobQueue, RunningJob, Share, WaitingJob } from "./model.ts";
import type { Window } from "./rate-core.ts";

/**
 * What happens to a new job whose limit is reached. queue: it waits · fail: it ends at once as failed · cancel_oldest: the oldest job of the
 * key is cancelled and the new one waits for its place · cancel_newest: the new job itself ends at once as cancelled.
 */
export const LIMIT_STRATEGIES = ["queue", "fail", "cancel_oldest", "cancel_newest"] as const;
export type LimitStrategy = (typeof LIMIT_STRATEGIES)[number];

interface SpecOf {
  /** Identity over all workspaces: a 63-bit hash of workspace, kind and key, as decimal text. */
  readonly id: string;
  /** The key as people see it, rendered and bounded. */
  readonly key: string;
  readonly strategy: LimitStrategy;
}

/** At most `max` jobs of the key hold a permit at a time. */
export interface RunningSpec extends SpecOf {
  readonly kind: "running";
  readonly max: number;
}

/** At most `starts` jobs of the key are started within any `windowMs` milliseconds. */
export interface RateSpec extends SpecOf {
  readonly kind: "rate";
  readonly starts: number;
  readonly windowMs: number;
}

export type LimitSpec = RunningSpec | RateSpec;

/** The limits of one job, rendered from its arguments when it was accepted. They travel with its rows. */
export interface JobLimits {
  /** Concurrency group: jobs with the same keys wait in one line. A 63-bit hash of the ids of its limits, as decimal text; never NO_GROUP. */
  readonly group: string;
  readonly specs: readonly LimitSpec[];
}

/** The group of jobs without limits. */
export const NO_GROUP = "0";

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
  readonly holders: Set<RunningJob>;
  /** Starts that still count; undefined for a running cap. */
  window: Window | undefined;
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
