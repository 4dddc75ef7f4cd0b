import type { Clock } from "../../../kernel/clock.ts";

/** Less than the shortest silence that a policy can forbid, however often the clock is looked at between two frames. */
const MOST_MS = 5;

/**
 * Hardly goes on while nobody looks at it: what a busy machine takes away from the process, which is both sides at once, is no silence of the
 * other side. For tests with short keepalives.
 */
export function steadyClock(): Clock {
  const begunMs = Date.now();
  let [nowMs, lookedMs] = [0, performance.now()];
  const monotonicMs = (): number => {
    const atMs = performance.now();
    nowMs += Math.min(atMs - lookedMs, MOST_MS);
    lookedMs = atMs;
    return nowMs;
  };
  return { monotonicMs, wallMs: () => begunMs + monotonicMs() };
}
