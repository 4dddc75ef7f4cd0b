import type { Clock } from "./clock.ts";

/** Both clocks at one moment. A suspended machine stops the monotonic one, a corrected machine moves the wall clock. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function instantOf(clock: Clock): Instant {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}

/** Of two clocks that disagree the one that says that more time has passed is believed: right for whatever is safe when it ends too early. */
export function elapsedMs(from: Instant, to: Instant): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
}
