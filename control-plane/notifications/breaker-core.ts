/** What is known of a receiver's host. Open: nothing is sent to it until a moment; then one attempt shows whether it is back. */
export type Breaker = { readonly failures: number; readonly openUntilMs: number | undefined; readonly trying: boolean };

export const CLOSED: Breaker = { failures: 0, openUntilMs: undefined, trying: false };

/** Failures in a row after which it opens. */
export const OPEN_AFTER = 5;
const FIRST_OPEN_MS = 30_000;
const MAX_OPEN_MS = 10 * 60_000;

/** Whether something may be sent now; otherwise from when on it makes sense to ask again. */
export function mayTry(
  breaker: Breaker,
  nowMs: number,
): { readonly kind: "yes"; readonly breaker: Breaker } | { readonly kind: "no"; readonly untilMs: number } {
  if (breaker.openUntilMs === undefined) return { kind: "yes", breaker };
  if (nowMs < breaker.openUntilMs) return { kind: "no", untilMs: breaker.openUntilMs };
  // One at a time: others wait for what becomes of it.
  if (breaker.trying) return { kind: "no", untilMs: nowMs + FIRST_OPEN_MS };
  return { kind: "yes", breaker: { ...breaker, trying: true } };
}

/** @param ok the host answered and was not in trouble */
export function afterTry(breaker: Breaker, ok: boolean, nowMs: number): Breaker {
  if (ok) return CLOSED;
  const failures = breaker.failures + 1;
  if (failures < OPEN_AFTER) return { failures, openUntilMs: undefined, trying: false };
  const openMs = Math.min(MAX_OPEN_MS, FIRST_OPEN_MS * 2 ** Math.min(20, failures - OPEN_AFTER));
  return { failures, openUntilMs: nowMs + openMs, trying: false };
}
