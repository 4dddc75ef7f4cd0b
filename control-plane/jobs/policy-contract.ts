import { z } from "zod";
import { RETRYABLE } from "../scheduler/core/retry-core.ts";

/** Limits of what may be asked for about time and outcome; `docs/retries-and-time.md` names them. */
export const POLICY_LIMITS = {
  maxAttempts: 100,
  /** Longest wait between two attempts, seconds. */
  retryDelayS: 7 * 24 * 3600,
  /** How far ahead a job may be scheduled, seconds: a year and a day. */
  aheadS: 366 * 24 * 3600,
  queueTtlS: 366 * 24 * 3600,
  keyChars: 255,
  /** Idempotency window, seconds. */
  keyWindowS: 7 * 24 * 3600,
  defaultKeyWindowS: 24 * 3600,
} as const;

const delay = z.number().min(0).max(POLICY_LIMITS.retryDelayS);

const retryIf = z
  .strictObject({
    reasons: z.array(z.enum(RETRYABLE)).min(1).optional().meta({ description: "Exit reasons that are tried again." }),
    exit_codes: z.array(z.int().min(-255).max(255)).min(1).max(100).optional().meta({ description: "Of the reason exit_code, only these codes." }),
  })
  .meta({ description: "Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error." });

const retryPolicy = z
  .strictObject({
    max_attempts: z.int().min(1).max(POLICY_LIMITS.maxAttempts).meta({ description: "How often it may fail; 1 for no retry. Lost attempts do not count." }),
    constant: z.strictObject({ delay_s: delay }).optional(),
    exponential: z
      .strictObject({
        first_s: delay,
        factor: z.number().min(1).max(10).optional().meta({ description: "Default 2." }),
        max_s: delay.optional().meta({ description: "Default 300." }),
        jitter: z.number().min(0).max(1).optional().meta({ description: "Share of each wait that is left to chance. Default 0.2." }),
      })
      .optional(),
    retry_if: retryIf.optional(),
  })
  .refine((policy) => policy.constant === undefined || policy.exponential === undefined, { message: "give constant or exponential, not both" })
  .meta({ description: "Another attempt after a failure. Without constant and exponential: exponential from 1 s." });
export type RetryRequest = z.infer<typeof retryPolicy>;

/** What a script may have as its default and a run may change. */
export const policySettings = {
  retry: retryPolicy.optional(),
  queue_ttl_s: z
    .int()
    .min(1)
    .max(POLICY_LIMITS.queueTtlS)
    .optional()
    .meta({ description: "The job ends as cancelled, with reason expired, when no attempt has begun within this time." }),
  soft_timeout_ms: z.int().min(100).optional().meta({ description: "The script gets SIGTERM after this many milliseconds; timeout_ms then kills it." }),
};
const policyRequest = z.object(policySettings);
export type PolicyRequest = z.infer<typeof policyRequest>;

/** When a run begins. */
export const startSettings = {
  scheduled_for: z.iso.datetime({ offset: true }).optional().meta({ description: "Not before this moment; one that has passed means now." }),
  delay_s: z
    .number()
    .min(0)
    .max(POLICY_LIMITS.aheadS)
    .optional()
    .meta({ description: "Not before this many seconds from now. Not together with scheduled_for." }),
};

export const keyText = z
  .string()
  .min(1)
  .max(POLICY_LIMITS.keyChars)
  .regex(/^[\x21-\x7e]+$/, "a key is 1 to 255 visible ASCII characters");
export const keyWindow = {
  idempotency_window_s: z
    .int()
    .min(60)
    .max(POLICY_LIMITS.keyWindowS)
    .optional()
    .meta({ description: "How long the idempotency key of this request is remembered. Default a day." }),
};
