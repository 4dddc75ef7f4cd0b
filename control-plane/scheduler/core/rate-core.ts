/**
 * Starts per window. Few starts are remembered one by one, which is exact; many are counted by GCRA, the generic cell rate algorithm of
 * ITU-T Recommendation I.371 (annex A, "virtual scheduling"), which needs one number. Both never admit more than `starts` in any window.
 *
 * GCRA as it is usually set up (burst of n, n per window) lets up to 2n - 1 through in some window. Here the burst b is a tenth of n, and the
 * bucket is refilled with n - b per window: in any window there are at most b + (n - b) = n starts. The price is a sustained rate of 0.9 n.
 */
export interface WindowSize {
  readonly starts: number;
  readonly windowMs: number;
}

export interface Window {
  size: WindowSize;
  /** Times of the last starts, oldest first; after the next one no more than `size.starts`. Unused with GCRA. */
  times: number[];
  /** GCRA's theoretical arrival time: when the bucket will be full again. */
  tatMs: number;
  /** The last start, or when the size was last changed. */
  lastMs: number;
}

/** What a new owner knows of the starts before it. */
export interface StoredWindow {
  readonly times: readonly number[];
  /** Undefined: the starts were remembered one by one. */
  readonly tatMs: number | undefined;
  readonly size: WindowSize;
}

/** Up to this many starts per window are remembered one by one. */
export const EXACT_STARTS = 100;

/** @param stored starts that an earlier owner made, by the new owner's clock */
export function createWindow(size: WindowSize, stored?: StoredWindow): Window {
  const window: Window = { size, times: [], tatMs: Number.NEGATIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY };
  if (stored === undefined) return window;
  window.size = stored.size;
  window.times = [...stored.times];
  window.tatMs = stored.tatMs ?? window.tatMs;
  window.lastMs = stored.times.at(-1) ?? stored.tatMs ?? window.lastMs;
  resizeWindow(window, size, window.lastMs);
  return window;
}

/** How many may start now. */
export function startsLeft(window: Window, nowMs: number): number {
  const { starts, windowMs } = window.size;
  if (starts > EXACT_STARTS) {
    const { burst, intervalMs } = bucket(window.size);
    // Rounding must not bring the time of a whole interval a hair below it.
    return Math.max(0, Math.min(burst, Math.floor((nowMs + burst * intervalMs - window.tatMs) / intervalMs + 1e-9)));
  }
  let counted = 0;
  for (let at = window.times.length - 1; at >= 0 && nowMs - (window.times[at] ?? 0) < windowMs; at--) counted += 1;
  return Math.max(0, starts - counted);
}

/** When the next start becomes possible, if none is now. */
export function opensAtMs(window: Window): number {
  const { starts, windowMs } = window.size;
  if (starts > EXACT_STARTS) {
    const { burst, intervalMs } = bucket(window.size);
    return window.tatMs - (burst - 1) * intervalMs;
  }
  return (window.times.at(-starts) ?? Number.NEGATIVE_INFINITY) + windowMs;
}

export function recordStart(window: Window, nowMs: number): void {
  window.lastMs = nowMs;
  if (window.size.starts > EXACT_STARTS) {
    window.tatMs = Math.max(window.tatMs, nowMs) + bucket(window.size).intervalMs;
    return;
  }
  window.times.push(nowMs);
  // As long as there are fewer the number is negative, and none are removed.
  window.times.splice(0, window.times.length - window.size.starts);
}

/** A new definition of the same key. What is known of earlier starts goes on counting. */
export function resizeWindow(window: Window, size: WindowSize, nowMs: number): void {
  if (size.starts === window.size.starts && size.windowMs === window.size.windowMs) return;
  const before = window.size;
  window.size = size;
  if (size.starts > EXACT_STARTS) {
    // Starts of which only the number is known count as just made.
    const counted = before.starts > EXACT_STARTS ? before.starts - startsLeft({ ...window, size: before }, nowMs) : window.times.length;
    if (before.starts <= EXACT_STARTS || window.tatMs > nowMs) {
      window.tatMs = nowMs + Math.min(counted, size.starts) * bucket(size).intervalMs;
    }
    window.times = [];
  } else if (before.starts > EXACT_STARTS) {
    const full = window.tatMs > nowMs ? size.starts : 0;
    window.times = Array.from({ length: full }, () => nowMs);
    window.tatMs = Number.NEGATIVE_INFINITY;
  }
}

/** True when no earlier start counts any more: the window may be forgotten. */
export function isWindowEmpty(window: Window, nowMs: number): boolean {
  const { starts, windowMs } = window.size;
  return starts > EXACT_STARTS ? window.tatMs <= nowMs : nowMs - (window.times.at(-1) ?? Number.NEGATIVE_INFINITY) >= windowMs;
}

/** Of more than EXACT_STARTS. */
function bucket({ starts, windowMs }: WindowSize): { burst: number; intervalMs: number } {
  const burst = Math.floor(starts / 10);
  return { burst, intervalMs: windowMs / (starts - burst) };
}
