/** What became of one attempt to deliver. */
export type AttemptOutcome =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfterS: number | undefined }
  | { readonly kind: "refused" | "failed"; readonly why: string };

/** What follows: delivered · another attempt · dead: no more · gone: dead, and the receiver wants nothing any more. */
export type Next = { readonly kind: "delivered" | "dead" | "gone" } | { readonly kind: "again"; readonly inMs: number };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Waits before the second and later attempts: some 28 hours in all. */
export const WAITS_MS: readonly number[] = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR];
/** Each is up to a fifth longer or shorter, so that what failed together does not come back together. */
const JITTER = 0.2;
const MAX_RETRY_AFTER_MS = HOUR;

const GONE = 410;

/** @param tries attempts so far, this one included @param random a number in [0, 1) */
export function nextAfter(outcome: AttemptOutcome, tries: number, random: number): Next {
  if (outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300) return { kind: "delivered" };
  if (outcome.kind === "answered" && outcome.status === GONE) return { kind: "gone" };
  const waitMs = WAITS_MS[tries - 1];
  if (waitMs === undefined) return { kind: "dead" };
  const wishedMs = outcome.kind === "answered" ? Math.min(MAX_RETRY_AFTER_MS, (outcome.retryAfterS ?? 0) * SECOND) : 0;
  return { kind: "again", inMs: Math.max(wishedMs, Math.round(waitMs * (1 - JITTER + 2 * JITTER * random))) };
}

/** True when the receiver itself is in trouble, as opposed to one of its addresses: then others of the same host are not tried either. */
export function isTroubleOfHost(outcome: AttemptOutcome): boolean {
  return outcome.kind === "failed" || (outcome.kind === "answered" && (outcome.status >= 500 || outcome.status === 429));
}
