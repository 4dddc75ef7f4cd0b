import type { RetryRule } from "../model.ts";

/** No delay is longer, whatever the power gives. */
const MOST_DELAY_MS = 6 * 3_600_000;

/**
 * How long to wait before another attempt: the constant delays come first, then the exponential ones, multiplier × seconds ^ attempt. The
 * power counts all attempts, the constant ones as well: flows that were written elsewhere expect it.
 * @param attempt the one that failed, from 1
 * @param jitter in [0, 1): where in the range of randomFactorPercent around the delay
 * @returns milliseconds; undefined when there are no attempts left
 */
export function retryDelayMs(rule: RetryRule | undefined, attempt: number, jitter: number): number | undefined {
  const { constant, exponential } = rule ?? {};
  const constantAttempts = constant?.attempts ?? 0;
  if (constant !== undefined && attempt <= constantAttempts) return Math.min(MOST_DELAY_MS, constant.seconds * 1000);
  if (exponential === undefined || attempt - constantAttempts > exponential.attempts) return undefined;
  // Never Infinity: nothing times that is no number.
  const power = Math.min(Number.MAX_VALUE, exponential.seconds ** attempt);
  const fullMs = Math.min(Number.MAX_VALUE, exponential.multiplier * power * 1000);
  const spread = (Math.min(100, exponential.randomFactorPercent) / 100) * (2 * jitter - 1);
  return Math.round(Math.min(MOST_DELAY_MS, fullMs * (1 + spread)));
}
