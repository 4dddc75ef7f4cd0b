/** How the runs of a schedule have ended of late. */
export interface Health {
  /** Failures since the last success. */
  readonly failures: number;
  /** Successes since the last failure, while it is down. */
  readonly successes: number;
  /** It has failed as often as its error handler wants, and has not recovered since. */
  readonly isDown: boolean;
}

export const HEALTHY: Health = { failures: 0, successes: 0, isDown: false };

/** When the handlers of a schedule are called: see Handlers in model.ts. */
export interface Thresholds {
  readonly error: { readonly after: number; readonly exact: boolean } | undefined;
  readonly recovery: { readonly after: number } | undefined;
}

/** What the end of a run makes of this, and which handler is to be run. A cancelled run says nothing about the schedule. */
export function afterEnd(
  health: Health,
  outcome: "succeeded" | "failed" | "cancelled",
  { error, recovery }: Thresholds,
): { readonly health: Health; readonly call: "error" | "recovery" | undefined } {
  if (outcome === "cancelled") return { health, call: undefined };
  if (outcome === "failed") {
    const failures = health.failures + 1;
    const isCalled = error !== undefined && (error.exact ? failures === error.after : failures >= error.after);
    return { health: { failures, successes: 0, isDown: health.isDown || failures >= (error?.after ?? 1) }, call: isCalled ? "error" : undefined };
  }
  const successes = health.successes + 1;
  if (!health.isDown) return { health: HEALTHY, call: undefined };
  if (successes < (recovery?.after ?? 1)) return { health: { failures: 0, successes, isDown: true }, call: undefined };
  return { health: HEALTHY, call: recovery === undefined ? undefined : "recovery" };
}
