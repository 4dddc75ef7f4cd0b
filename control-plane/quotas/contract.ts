import { z } from "zod";

const limit = (most: number) => z.int().min(1).max(most).nullable().default(null);

export const quotaSettings = z.strictObject({
  requests_per_s: limit(1_000_000).meta({ description: "Requests to the API, all tokens together; twice as many at once." }),
  token_requests_per_s: limit(1_000_000).meta({ description: "Requests with each token." }),
  jobs_per_minute: limit(100_000_000).meta({ description: "Jobs that may be started; steps of flows do not count." }),
  max_queued: limit(100_000_000).meta({ description: "Jobs that may wait, when more are started." }),
  max_storage_bytes: limit(Number.MAX_SAFE_INTEGER).meta({ description: "Output and results that may be kept, when more jobs are started." }),
});
export type QuotaSettings = z.infer<typeof quotaSettings>;

const inForce = z.int().nullable().meta({ description: "null: any number." });

export const quotaView = z.object({
  own: quotaSettings.meta({ description: "What was set for this workspace; null: as the instance says." }),
  in_force: z.object({
    requests_per_s: inForce,
    token_requests_per_s: inForce,
    jobs_per_minute: inForce,
    max_queued: inForce,
    max_storage_bytes: inForce,
  }),
  used: z.object({
    queued: z.int().meta({ description: "Jobs that wait, counted up to 10,000." }),
    running: z.int().meta({ description: "Jobs that run, counted up to 10,000." }),
    storage_bytes: z.int().meta({ description: "As counted last, see usage." }),
  }),
});
export type QuotaView = z.infer<typeof quotaView>;

const day = z.iso.date();

export const usageQuery = z.strictObject({
  from: day.optional().meta({ description: "First day, UTC. Default: 30 days ago." }),
  to: day.optional().meta({ description: "Last day. Default: today." }),
});

export const usageView = z.object({
  days: z.array(
    z.object({
      day,
      jobs: z.int().meta({ description: "Jobs that were created on this day and have ended; steps of flows are jobs, too." }),
      failed: z.int(),
      cancelled: z.int(),
      run_s: z.number().meta({ description: "Seconds that their last attempts ran." }),
      log_bytes: z.int().meta({ description: "What they printed." }),
      result_bytes: z.int().meta({ description: "What their results take in the database." }),
      counted_at: z.iso.datetime(),
    }),
  ),
});
