import { z } from "zod";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { cancelRequest, scriptPath } from "../jobs/contract.ts";

/** Most jobs of one task. */
export const BULK_JOBS = 100_000;

const common = {
  script: scriptPath.optional().meta({ description: "Only jobs of this script." }),
  created_after: z.iso.datetime({ offset: true }).optional(),
  created_before: z.iso.datetime({ offset: true }).optional().meta({ description: "Default, and latest: the moment of the request." }),
};

const cancelFilter = z.strictObject({ status: z.enum(["queued", "running"]).optional().meta({ description: "Default: both." }), ...common });
const rerunFilter = z.strictObject({ status: z.enum(["succeeded", "failed", "cancelled"]), ...common });

const most = z.int().min(1).max(BULK_JOBS).optional().meta({ description: "Of the newest jobs so many. Default, and most: 100,000." });
const dryRun = z.boolean().optional().meta({ description: "Only counts, and says how many it would be: up to 10,000." });

export const bulkCancelRequest = z.strictObject({ filter: cancelFilter, most, dry_run: dryRun, reason: cancelRequest.shape.reason });
export const bulkRerunRequest = z.strictObject({
  filter: rerunFilter,
  most,
  dry_run: dryRun,
  latest: z.boolean().optional().meta({ description: "Runs current versions, instead of those that the jobs ran." }),
});

const BULK_STATES = ["running", "done", "stopped", "failed", "interrupted"] as const;

export const bulkTaskView = z.object({
  id: z.string(),
  kind: z.enum(["cancel", "rerun"]),
  state: z.enum(BULK_STATES).meta({ description: "interrupted: the replica that worked on it is gone; it can be resumed. failed: it can be, too." }),
  filter: z.record(z.string(), z.unknown()),
  done: z.int().meta({ description: "Jobs that were cancelled, or run again, so far." }),
  skipped: z.int().meta({ description: "Jobs that had ended meanwhile, or could not be run again." }),
  error: z.string().optional().meta({ description: "Why the last one was skipped, or the task failed." }),
  created_by: z.string(),
  created_at: z.iso.datetime(),
  finished_at: z.iso.datetime().optional(),
});
export type BulkTaskView = z.infer<typeof bulkTaskView>;

export const bulkCount = z.object({ matched: z.int(), more: z.boolean().meta({ description: "There may be more: it was counted no further." }) });

/** As it is stored: what is left to do can be found from it. */
export const bulkOrder = z.object({
  statuses: z.array(z.enum(["queued", "running", "succeeded", "failed", "cancelled"])),
  script: scriptPath.optional(),
  created_after: z.string().optional(),
  created_before: z.string(),
  most: z.int(),
  reason: z.string().refine(WITHOUT_NUL.check).optional(),
  latest: z.boolean().optional(),
});
export type BulkOrder = z.infer<typeof bulkOrder>;

export const bulkTaskPage = z.object({ tasks: z.array(bulkTaskView), next_cursor: z.string().optional() });
