import { AppError } from "../../kernel/app-error.ts";
import type { Requirements } from "../scheduler/core/requirements.ts";
import type { JobPolicy } from "../scheduler/core/retry-core.ts";
import type { JobKey } from "./idempotency-key.ts";
import type { JobSpecial } from "./model.ts";
import { policyOf } from "./policy-codec.ts";
import { POLICY_LIMITS, type PolicyRequest } from "./policy-contract.ts";

/** The settings of a run that concern its time and outcome. */
export interface TimeSettings extends PolicyRequest {
  readonly scheduled_for?: string | undefined;
  readonly delay_s?: number | undefined;
}

export interface JobTime {
  readonly dueAtMs: number;
  readonly policy: JobPolicy | undefined;
  readonly special: JobSpecial | undefined;
}

/**
 * When a job may begin and until when it must have, and what follows a failure.
 * Errors: invalid_argument for settings that contradict each other; out_of_range for a moment too far ahead.
 * @param timeoutMs the job's hard timeout, when it has its own
 * @param place what inline code asks of its place
 */
export function timeOf(
  settings: TimeSettings,
  defaults: PolicyRequest | undefined,
  timeoutMs: number | undefined,
  key: JobKey | undefined,
  nowMs: number,
  place?: Requirements,
): JobTime {
  const policy = policyOf(settings, defaults, place);
  checkTimeouts(settings.soft_timeout_ms, policy, timeoutMs);
  const scheduledForMs = scheduledFor(settings, nowMs);
  const dueAtMs = scheduledForMs ?? nowMs;
  const expiresAtMs = policy?.queueTtlMs === undefined ? undefined : dueAtMs + policy.queueTtlMs;
  const isSpecial = scheduledForMs !== undefined || expiresAtMs !== undefined || key !== undefined;
  return { dueAtMs, policy, special: isSpecial ? { scheduledForMs, expiresAtMs, key } : undefined };
}

function scheduledFor({ scheduled_for: at, delay_s: delayS }: TimeSettings, nowMs: number): number | undefined {
  if (at !== undefined && delayS !== undefined) throw wrong("/delay_s", "give scheduled_for or delay_s, not both");
  const atMs = at === undefined ? nowMs + Math.round((delayS ?? 0) * 1000) : Date.parse(at);
  if (atMs <= nowMs) return undefined;
  if (atMs > nowMs + POLICY_LIMITS.aheadS * 1000)
    throw new AppError("out_of_range", "a job can be scheduled for at most a year ahead", {
      fields: [{ pointer: "/scheduled_for", message: "is too far ahead" }],
    });
  return atMs;
}

/** A soft timeout of a script that a shorter timeout of one run makes pointless is no mistake; one of the same request is. */
function checkTimeouts(asked: number | undefined, policy: JobPolicy | undefined, timeoutMs: number | undefined): void {
  if (asked === undefined || policy?.softTimeoutMs === undefined || timeoutMs === undefined || policy.softTimeoutMs < timeoutMs) return;
  throw wrong("/soft_timeout_ms", "must be less than timeout_ms");
}

function wrong(pointer: string, message: string): AppError {
  return new AppError("invalid_argument", `${pointer.slice(1)}: ${message}`, { fields: [{ pointer, message }] });
}
