/** One look at both clocks. A suspended machine stops the monotonic one, a corrected machine moves the wall clock. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export interface Lease {
  /** The last look at the clocks. */
  readonly lastLook: Instant;
  /** When the last keepalive that the server echoed was sent; undefined before the first session. */
  readonly confirmed: Instant | undefined;
}

export interface LeaseLimits {
  /** A longer time between two looks means that the process or the machine stood still. */
  readonly gapMs: number;
  /** Without a confirmation for longer than this, the attempts are no longer ours. */
  readonly selfFenceMs: number;
}

/** `suspended`: nothing may be sent or started until a keepalive comes back. `expired`: kill the attempts first. */
export type LeaseVerdict = "sound" | "suspended" | "expired";

export function newLease(now: Instant): Lease {
  return { lastLook: now, confirmed: undefined };
}

/**
 * Looks at the clocks. Of two clocks that disagree the one that says "more time has passed" is believed: killing an attempt too early
 * costs a retry, killing it too late runs it twice. A wall clock that steps back only raises doubt. A pause that starts while this
 * function runs is seen by the next look: the server's own deadline is 10 s later than ours for that reason.
 */
export function lookAtLease(lease: Lease, now: Instant, limits: LeaseLimits): { readonly lease: Lease; readonly verdict: LeaseVerdict } {
  const looked: Lease = { lastLook: now, confirmed: lease.confirmed };
  if (lease.confirmed !== undefined && elapsedMs(lease.confirmed, now) > limits.selfFenceMs) return { lease: looked, verdict: "expired" };
  const stoodStill = elapsedMs(lease.lastLook, now) > limits.gapMs;
  const steppedBack = lease.lastLook.wallMs - now.wallMs > limits.gapMs;
  return { lease: looked, verdict: stoodStill || steppedBack ? "suspended" : "sound" };
}

/** How long the lease still lasts, at least 0; undefined before the first session. */
export function leaseLeftMs(lease: Lease, now: Instant, selfFenceMs: number): number | undefined {
  return lease.confirmed === undefined ? undefined : Math.max(0, selfFenceMs - elapsedMs(lease.confirmed, now));
}

/** The server has echoed what was sent at `sentAt`. Echoes that come late or twice never move the lease back. */
export function confirmLease(lease: Lease, sentAt: Instant): Lease {
  if (lease.confirmed !== undefined && lease.confirmed.monotonicMs >= sentAt.monotonicMs) return lease;
  return { ...lease, confirmed: sentAt };
}

function elapsedMs(from: Instant, to: Instant): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
}
