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
interface RunningSpec extends SpecOf {
  readonly kind: "running";
  readonly max: number;
}

/** At most `starts` jobs of the key are started within any `windowMs` milliseconds. */
interface RateSpec extends SpecOf {
  readonly kind: "rate";
  readonly starts: number;
  readonly windowMs: number;
}

/**
 * A job of the key waits until none has come for `delayMs`, at most `maxMs` after the first: each new one replaces the one that waits. The
 * strategy means nothing here.
 */
interface DebounceSpec extends SpecOf {
  readonly kind: "debounce";
  readonly delayMs: number;
  /** Undefined: any time. */
  readonly maxMs: number | undefined;
}

export type LimitSpec = RunningSpec | RateSpec | DebounceSpec;

/** The limits of one job, rendered from its arguments when it was accepted. They travel with its rows. */
export interface JobLimits {
  /** Concurrency group: jobs with the same keys wait in one line. A 63-bit hash of the ids of its limits, as decimal text; never NO_GROUP. */
  readonly group: string;
  readonly specs: readonly LimitSpec[];
}

/** The group of jobs without limits. */
export const NO_GROUP = "0";
