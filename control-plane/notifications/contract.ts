import { z } from "zod";
import { changeFields, description, pageQuery, thingPath } from "../variables/contract.ts";

/** Limits of hooks, in one place. */
export const HOOK_LIMITS = {
  /** Of a workspace. */
  hooks: 100,
  urlChars: 2000,
  /** Deliveries of one hook that wait; what happens beyond is not told to it. */
  waiting: 10_000,
  /** Attempts that are remembered of one delivery. */
  attempts: 20,
  pageSize: 100,
  /** Days for which what has been delivered, or never will be, can be looked at. */
  keepDays: 7,
} as const;

export const EVENT_KINDS = ["job.succeeded", "job.failed", "job.cancelled", "attempt.lost", "approval.wanted", "schedule.missed"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];
/** What only a test delivery is. */
export const TEST_KIND = "hook.test";

export const putHook = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .max(HOOK_LIMITS.urlChars)
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && url.username === "" && url.password === "" && url.hash === "";
    }, "has no user, password or fragment")
    .meta({ description: "Where deliveries are POSTed to. https, unless the operator has allowed the target." }),
  events: z.array(z.enum(EVENT_KINDS)).min(1).max(EVENT_KINDS.length).meta({ description: "What it is told." }),
  path_prefix: z
    .string()
    .max(300)
    .optional()
    .meta({ description: "Only of scripts, flows and schedules whose path begins with this. Default: all, inline code too." }),
  paused: z.boolean().optional().meta({ description: "Left out: it stays as it is." }),
  description: description.optional(),
});
export type PutHook = z.infer<typeof putHook>;

export const hookView = z.object({
  path: thingPath,
  url: z.string(),
  events: z.array(z.enum(EVENT_KINDS)),
  path_prefix: z.string(),
  paused: z.boolean(),
  paused_why: z.string().optional().meta({ description: "When it was paused by itself: the receiver said that it is gone." }),
  description: z.string(),
  ...changeFields,
});
export type HookView = z.infer<typeof hookView>;
export const newHook = hookView.extend({ secret: z.string().meta({ description: "Signs the deliveries. Shown this once." }) });
export const hookPage = z.object({ hooks: z.array(hookView), next_cursor: z.string().optional() });
export const hookListQuery = z.strictObject(pageQuery);

const attemptView = z.object({
  at: z.iso.datetime(),
  status: z.int().optional().meta({ description: "Of the answer." }),
  error: z.string().optional(),
  took_ms: z.int(),
});
export type DeliveryAttempt = z.infer<typeof attemptView>;

export const DELIVERY_STATUSES = ["waiting", "delivered", "dead"] as const;
export const deliveryView = z.object({
  id: z.string(),
  hook: z.string(),
  event: z.string().meta({ description: "`webhook-id` of the request: the same however often it is sent." }),
  kind: z.string(),
  status: z.enum(DELIVERY_STATUSES).meta({ description: "dead: it was tried for the last time." }),
  attempts: z.array(attemptView).meta({ description: `Oldest first; the last ${HOOK_LIMITS.attempts}.` }),
  next_attempt_at: z.iso.datetime().optional(),
  created_at: z.iso.datetime(),
  ended_at: z.iso.datetime().optional(),
});
export type DeliveryView = z.infer<typeof deliveryView>;
export const deliveryWithPayload = deliveryView.extend({ payload: z.unknown() });
export const deliveryPage = z.object({ deliveries: z.array(deliveryView), next_cursor: z.string().optional() });
export const deliveryListQuery = z.strictObject({
  path: thingPath.meta({ description: "Of the hook." }),
  status: z.enum(DELIVERY_STATUSES).optional(),
  cursor: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(HOOK_LIMITS.pageSize).optional(),
});
