import { z } from "zod";
import type { RetryRequest } from "../jobs/policy-contract.ts";
import { notHere } from "./refusals.ts";

const whole = z.int().min(0);
/** How often something is tried again, as Windmill's tools say it. */
export const theirRetry = z.looseObject({
  constant: z.looseObject({ attempts: whole.nullish(), seconds: whole.nullish() }).nullish(),
  exponential: z
    .looseObject({ attempts: whole.nullish(), multiplier: whole.nullish(), seconds: whole.nullish(), random_factor: whole.max(100).nullish() })
    .nullish(),
  retry_if: z.unknown().optional(),
});
type TheirRetry = z.infer<typeof theirRetry>;

/** Their waits grow no longer than six hours. */
const MOST_DELAY_S = 6 * 3600;
/** Ours grow by this factor at most. */
const MOST_FACTOR = 10;

/** Errors: unimplemented for what ours cannot say. */
export function retryOf({ constant, exponential, retry_if: retryIf }: TheirRetry): { retry?: RetryRequest } {
  if (retryIf != null)
    throw notHere("retry", "no expression decides whether a run is tried again", "let the script decide: what it returns is not tried again");
  const [again, growing] = [constant?.attempts ?? 0, exponential?.attempts ?? 0];
  if (again > 0 && growing > 0) throw notHere("retry", "is constant or exponential here, not one after the other", "give one of them");
  if (again > 0) return { retry: { max_attempts: again + 1, constant: { delay_s: constant?.seconds ?? 0 } } };
  if (growing === 0) return {};
  const { multiplier = 1, seconds = 1, random_factor: spread } = exponential ?? {};
  const factor = seconds ?? 1;
  // Theirs wait multiplier × seconds ^ attempt: the seconds are the factor from one wait to the next.
  if (factor < 1 || factor > MOST_FACTOR) throw notHere("retry", `exponential waits grow by a factor of 1 to ${MOST_FACTOR} here`, "choose other seconds");
  const first = Math.min(MOST_DELAY_S, (multiplier ?? 1) * factor);
  return { retry: { max_attempts: growing + 1, exponential: { first_s: first, factor, max_s: MOST_DELAY_S, jitter: (spread ?? 0) / 100 } } };
}

/** Undefined: there is none, or they have no words for it. */
export function retryInTheirWords(retry: RetryRequest | undefined): object | undefined {
  if (retry === undefined || retry.retry_if !== undefined || retry.max_attempts < 2) return undefined;
  const { constant, exponential } = retry;
  const attempts = retry.max_attempts - 1;
  if (constant !== undefined) return Number.isInteger(constant.delay_s) ? { constant: { attempts, seconds: constant.delay_s } } : undefined;
  const { first_s: first = 1, factor = 2, max_s: max, jitter = 0 } = exponential ?? {};
  const random = Math.round(jitter * 100);
  const isTheirs = max === MOST_DELAY_S && random / 100 === jitter && [factor, first / factor].every(Number.isInteger);
  return isTheirs ? { exponential: { attempts, multiplier: first / factor, seconds: factor, random_factor: random } } : undefined;
}
