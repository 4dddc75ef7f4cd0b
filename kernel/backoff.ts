/**
 * Windowed jitter, after buildkite/agent: attempt n waits a random point inside a window that doubles up to a cap,
 * so that a fleet that lost its server does not come back as one wave.
 * @param attempt 0 for the first retry
 * @param random a number in [0, 1)
 * @returns milliseconds, at least a tenth of the window
 */
export function backoffMs(attempt: number, baseMs: number, capMs: number, random: number): number {
  const windowMs = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(windowMs * (0.1 + 0.9 * random));
}
