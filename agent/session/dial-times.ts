import { backoffMs } from "../../kernel/backoff.ts";

const BACKOFF_BASE_MS = 200;
const BACKOFF_CAP_MS = 10_000;
/** From dialling to Welcome. */
const WELCOME_WITHIN_MS = 10_000;
const LEAST_WELCOME_WITHIN_MS = 2_000;
/** Of what is left of the lease: a dial gets that much of it, the pause before one that much. */
const DIAL_SHARE = 1 / 2;
const PAUSE_SHARE = 1 / 4;

/**
 * How long to wait before the next dial. While attempts run on a lease there must be dials until close to its end: a pause of the usual backoff
 * may be longer than all that is left, and a network that came back in time would still cost the jobs.
 * @param failures sessions in a row that were not to be had
 * @param leaseLeftMs undefined without attempts or without a lease
 * @param random a number in [0, 1)
 */
export function pauseBeforeDialMs(failures: number, leaseLeftMs: number | undefined, random: number): number {
  const cap = leaseLeftMs === undefined ? BACKOFF_CAP_MS : Math.min(BACKOFF_CAP_MS, Math.max(BACKOFF_BASE_MS, leaseLeftMs * PAUSE_SHARE));
  return backoffMs(failures, BACKOFF_BASE_MS, cap, random);
}

/**
 * How long a dial may take until it is given up for another one. A connection that was asked for while packets were dropped is asked for again
 * by the kernel after 1, 3, 7 s: a new dial is sooner.
 */
export function welcomeWithinMs(leaseLeftMs: number | undefined): number {
  if (leaseLeftMs === undefined) return WELCOME_WITHIN_MS;
  return Math.min(WELCOME_WITHIN_MS, Math.max(LEAST_WELCOME_WITHIN_MS, leaseLeftMs * DIAL_SHARE));
}
