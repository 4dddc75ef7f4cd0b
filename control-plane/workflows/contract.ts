import { z } from "zod";
import { WELL_FORMED } from "../../kernel/storable-text.ts";
import { jobView, runJobRequest } from "../jobs/contract.ts";

/** Bounds of scripts that are workflows; `docs/limits.md` has them. */
export const WORKFLOW_LIMITS = {
  /** Of one job. */
  checkpoints: 10_000,
  /** UTF-8 bytes of the JSON text of what one step gives. */
  valueBytes: 256 * 1024,
  /** Of all values of one job. */
  totalBytes: 16 * 1024 * 1024,
  nameChars: 250,
  /** Of one request. */
  written: 100,
  tasks: 200,
  /** Ids of one request that waits for ends, and seconds that it may. */
  awaited: 1000,
  waitS: 60,
  /** The longest sleep: as long as an attempt may run at most. */
  sleepMs: 24 * 60 * 60 * 1000,
} as const;

/** The position is the number that is stored. */
export const CHECKPOINT_KINDS = ["step", "task", "sleep"] as const;
export type CheckpointKind = (typeof CHECKPOINT_KINDS)[number];

const name = z.string().min(1).max(WORKFLOW_LIMITS.nameChars).refine(WELL_FORMED.check, WELL_FORMED.message).meta({
  description: "Unique in the job. The clients add `#2` to what comes a second time, and `name>3>` to what is inside of the fourth branch of a `parallel`.",
});

export const checkpointsRequest = z.strictObject({
  checkpoints: z
    .array(
      z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("step"), name, value: z.unknown().optional().meta({ description: "What the step gave, any JSON." }) }),
        z.strictObject({ kind: z.literal("sleep"), name, ms: z.int().min(0).max(WORKFLOW_LIMITS.sleepMs).meta({ description: "How long, from now on." }) }),
      ]),
    )
    .min(1)
    .max(WORKFLOW_LIMITS.written),
});
export type CheckpointsRequest = z.infer<typeof checkpointsRequest>;

export const tasksRequest = z.strictObject({
  tasks: z
    .array(z.strictObject({ name, job: runJobRequest.meta({ description: "As for running a job; deployed scripts and flows only." }) }))
    .min(1)
    .max(WORKFLOW_LIMITS.tasks),
});
export type TasksRequest = z.infer<typeof tasksRequest>;

export const tasksResponse = z.object({ jobs: z.array(z.string()).meta({ description: "Ids, in the order of the request." }) });

export const checkpointQuery = z.strictObject({ after: z.coerce.number().int().min(0).optional() });

export const checkpointPage = z.object({
  checkpoints: z.array(
    z.object({
      seq: z.int(),
      kind: z.enum(CHECKPOINT_KINDS),
      name: z.string(),
      attempt: z.int().meta({ description: "The attempt that did it." }),
      at: z.iso.datetime(),
      value: z.unknown().optional().meta({ description: "Of a step: what it gave." }),
      job: z.string().optional().meta({ description: "Of a task: its job." }),
      remaining_ms: z.int().optional().meta({ description: "Of a sleep: what is left of it." }),
    }),
  ),
  next_after: z.int().optional(),
});

export const endsQuery = z.strictObject({ wait: z.coerce.number().min(0).max(WORKFLOW_LIMITS.waitS).optional() });
export const endsRequest = z.strictObject({ ids: z.array(z.string().max(64)).min(1).max(WORKFLOW_LIMITS.awaited) });
export const endsResponse = z.object({
  ended: z
    .array(z.object({ job: jobView, result: z.unknown() }))
    .meta({ description: "Those that have ended, with their results; as many as fit into some megabytes, the others come with the next request." }),
});
