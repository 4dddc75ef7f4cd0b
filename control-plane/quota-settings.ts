import { z } from "zod";
import type { InstanceLimits } from "./quotas/quotas.ts";

const rate = z.coerce.number().int().min(0).max(1_000_000).default(0);

/** Settings of what workspaces may use that have no quotas of their own; part of SETTINGS. */
export const QUOTA_SETTINGS = {
  MILLRACE_RATE_ANONYMOUS_PER_S: rate
    .default(200)
    .meta({ description: "Requests per second without a good token that are answered to one address; twice as many at once. 0: any number." }),
  MILLRACE_RATE_TOKEN_PER_S: rate.meta({ description: "Requests per second with one token, unless its workspace has another quota. 0: any number." }),
  MILLRACE_RATE_WORKSPACE_PER_S: rate.meta({ description: "Requests per second to one workspace, unless it has another quota. 0: any number." }),
  MILLRACE_QUOTA_JOBS_PER_MINUTE: rate.meta({ description: "Jobs per minute that a workspace may start, unless it has another quota. 0: any number." }),
  MILLRACE_QUOTA_QUEUED: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000_000)
    .default(0)
    .meta({ description: "Jobs that a workspace may have waiting, unless it has another quota. 0: any number." }),
  MILLRACE_QUOTA_STORAGE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .meta({ description: "Bytes of output and results that a workspace may keep, unless it has another quota. 0: any number." }),
} as const;

/** What holds for a workspace without quotas of its own. */
export function instanceLimits(config: z.infer<z.ZodObject<typeof QUOTA_SETTINGS>>): InstanceLimits {
  const some = (value: number): number | undefined => (value === 0 ? undefined : value);
  return {
    anonymousPerS: some(config.MILLRACE_RATE_ANONYMOUS_PER_S),
    tokenRequestsPerS: some(config.MILLRACE_RATE_TOKEN_PER_S),
    requestsPerS: some(config.MILLRACE_RATE_WORKSPACE_PER_S),
    jobsPerMinute: some(config.MILLRACE_QUOTA_JOBS_PER_MINUTE),
    maxQueued: some(config.MILLRACE_QUOTA_QUEUED),
    maxStorageBytes: some(config.MILLRACE_QUOTA_STORAGE_BYTES),
  };
}
