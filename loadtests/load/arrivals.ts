import type { Random } from "./random.ts";

/** When requests are due, whatever becomes of those before them: an open loop. */
export interface Arrivals {
  readonly kind: "constant" | "poisson";
  /** Requests a second. */
  readonly perS: number;
}

/**
 * Milliseconds from the start at which requests are due, in order, up to `forMs` and without it. A latency that is measured from these
 * moments, not from when a request could be sent, has the waiting in it that a slow server causes (no coordinated omission).
 */
export function* arrivalTimesMs(arrivals: Arrivals, forMs: number, random: Random): Generator<number> {
  const { kind, perS } = arrivals;
  if (!(perS > 0)) throw new RangeError(`a rate of ${perS} a second makes no arrivals`);
  const meanMs = 1000 / perS;
  if (kind === "constant") {
    // Multiplied, not added up: the last of a million arrivals is still exact.
    for (let at = 0; at * meanMs < forMs - 1e-6; at++) yield at * meanMs;
    return;
  }
  for (let ms = gapMs(meanMs, random); ms < forMs; ms += gapMs(meanMs, random)) yield ms;
}

/** Gaps of a Poisson process are exponential. */
function gapMs(meanMs: number, random: Random): number {
  return -Math.log(1 - random()) * meanMs;
}
