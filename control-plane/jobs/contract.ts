import { z } from "zod";
import { EXIT_REASONS } from "../../kernel/exit.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { limitFields } from "./limits-contract.ts";
import { JOB_KINDS } from "./model.ts";
import { keyText, keyWindow, policySettings, startSettings } from "./policy-contract.ts";
import { requirementFields } from "./requirements-contract.ts";

/** Limits of the API, in one place; `docs/limits.md` and the OpenAPI text are made from them. */
export const JOB_LIMITS = {
  /** UTF-8 bytes of the JSON text of the arguments of one job. */
  argsBytes: 1024 * 1024,
  /** UTF-8 bytes of inline code. */
  codeBytes: 1024 * 1024,
  /** Jobs in one batch request. */
  batchJobs: 1000,
  /** Seconds that `wait` may ask for. */
  waitS: 300,
  timeoutMs: 24 * 60 * 60 * 1000,
  pageSize: 200,
} as const;

const JOB_STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export const jobStatus = z.enum(JOB_STATUSES);
export type JobStatus = z.infer<typeof jobStatus>;

export const tagName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._:-]{0,62}$/, "a tag is 1 to 63 characters: a-z, 0-9, dot, underscore, colon, hyphen")
  .meta({ description: "Routing label: only agents that serve it take the job." });

export const scriptPath = z
  .string()
  .max(255)
  .regex(/^[uf]\/[A-Za-z0-9_-]+(\/[A-Za-z0-9_.-]+)+$/, "a path looks like f/folder/name or u/user/name")
  .meta({ examples: ["f/examples/clean_packages"] });

const args = z.record(z.string(), z.unknown()).meta({ description: "Arguments of `main`, by name." });

const runSettings = {
  tag: tagName.optional(),
  timeout_ms: z.int().min(100).max(JOB_LIMITS.timeoutMs).optional().meta({ description: "The attempt is stopped after this many milliseconds." }),
  priority: z.int().min(0).max(9).optional().meta({ description: "0 waits longest, 9 goes first; only against jobs of the same workspace. Default 5." }),
  ...policySettings,
  ...startSettings,
  ...keyWindow,
};

export const runJobRequest = z
  .strictObject({
    script: scriptPath.optional().meta({ description: "Path of a deployed script: its newest version runs." }),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .meta({ description: "One exact version of a deployed script." }),
    code: z
      .strictObject({ language: z.string().max(32), content: z.string() })
      .optional()
      .meta({ description: "Inline code, run without deploying it." }),
    flow: scriptPath.optional().meta({ description: "Path of a deployed flow: its newest version runs." }),
    flow_hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .meta({ description: "One exact version of a deployed flow." }),
    document: z.record(z.string(), z.unknown()).optional().meta({ description: "A flow as OpenFlow, run without deploying it." }),
    yaml: z.string().refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional().meta({ description: "The same as YAML text." }),
    args: args.optional(),
    ...runSettings,
    ...limitFields,
    ...requirementFields,
  })
  .superRefine((body, context) => {
    // A script's limits are those of its version: a caller must not be able to run around them.
    for (const kind of ["concurrency", "rate", "debounce"] as const) {
      const given = body[kind];
      if (given === undefined) continue;
      const limits = Array.isArray(given) ? given : [given];
      if (body.code === undefined)
        context.addIssue({ code: "custom", path: [kind], message: "is for inline code: the limits of a script are deployed with it" });
      limits.forEach((limit, at) => {
        const path = Array.isArray(given) ? [kind, at, "key"] : [kind, "key"];
        if (limit.key === undefined) context.addIssue({ code: "custom", path, message: "inline code has no path: give a key" });
      });
    }
    for (const name of ["network", "min_sandbox_level", "memory_mb", "cpu_millis", "dedicated"] as const) {
      if (body[name] === undefined || body.code !== undefined) continue;
      context.addIssue({ code: "custom", path: [name], message: "is for inline code: what a script asks of its place is deployed with it" });
    }
  })
  .refine(
    (body) => [body.script, body.hash, body.code, body.flow, body.flow_hash, body.document, body.yaml].filter((given) => given !== undefined).length === 1,
    {
      message: "give exactly one of script, hash, code, flow, flow_hash, document and yaml",
    },
  );
export type RunJobRequest = z.infer<typeof runJobRequest>;

export const runBatchRequest = z
  .strictObject({
    script: scriptPath.optional(),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    jobs: z
      .array(
        z.strictObject({
          args: args.optional(),
          idempotency_key: keyText.optional().meta({ description: "Of this one job; instead of the header, which is for the whole batch." }),
        }),
      )
      .min(1)
      .max(JOB_LIMITS.batchJobs),
    ...runSettings,
  })
  .refine((body) => (body.script === undefined) !== (body.hash === undefined), { message: "give exactly one of script and hash" });
export type RunBatchRequest = z.infer<typeof runBatchRequest>;

const exitView = z.object({
  reason: z.enum(EXIT_REASONS),
  code: z.int().optional().meta({ description: "Exit code of the process, when the reason is exit_code." }),
  signal: z.string().optional(),
  message: z.string().optional(),
});

const WAIT_CODES = [
  "scheduled",
  "retry",
  "no_agent",
  "no_runtime",
  "agents_draining",
  "slots_busy",
  "concurrency",
  "rate",
  "debounce",
  "workspace_cap",
  "turn",
] as const;

/** Why a job waits; which members there are depends on the code. */
const waitDetail = z.object({
  code: z.enum(WAIT_CODES),
  key: z.string().optional().meta({ description: "Of the limit that is reached, as rendered." }),
  limit: z.int().optional().meta({ description: "Jobs of the key, or of the workspace, that may run at a time." }),
  running: z.int().optional().meta({ description: "How many do." }),
  starts: z.int().optional().meta({ description: "Jobs of the key that may start within `per_s`." }),
  per_s: z.number().optional(),
  opens_in_ms: z.int().optional().meta({ description: "Until the next one may start, or the job's moment comes." }),
  slots: z.int().optional().meta({ description: "Slots of the tag; all are busy." }),
  waiting: z.int().optional().meta({ description: "Jobs of the workspace that wait for the same agents, this one included." }),
});

const attemptView = z.object({
  attempt: z.int(),
  agent: z.string().optional(),
  exit: exitView.optional().meta({ description: "Absent for one that has not ended." }),
  started_at: z.iso.datetime().optional(),
  finished_at: z.iso.datetime().optional(),
  run_ms: z.number().optional(),
});
export type AttemptView = z.infer<typeof attemptView>;

export const jobView = z.object({
  id: z.string(),
  workspace: z.string(),
  kind: z.enum(JOB_KINDS).meta({
    description:
      "dependencies: finds out what a deployed script depends on, and runs nothing. flow: the run of a flow. step: of a flow, which may be a flow itself.",
  }),
  flow: z.string().optional().meta({ description: "Path of a deployed flow, of its runs." }),
  parent: z.string().optional().meta({ description: "Of a step: the run of the flow that it belongs to." }),
  root: z.string().optional().meta({ description: "Of a step: the outermost of the runs around it." }),
  step: z.string().optional().meta({ description: "Of a step: its place, such as `a` or `loop/3/b`." }),
  restarted_from: z
    .object({ job: z.string(), step: z.string().optional() })
    .optional()
    .meta({ description: "Of a run of a flow that was made of an earlier one: that one, and the step from which on it runs its own, unless it is the first." }),
  script: z.string().optional(),
  hash: z.string().optional(),
  language: z.string(),
  tag: z.string(),
  priority: z.int(),
  status: jobStatus,
  wait_reason: z.string().optional().meta({ description: "Why a queued job is not running." }),
  wait_detail: waitDetail.optional().meta({ description: "The same as data." }),
  attempt: z.int().meta({ description: "Number of the current or last attempt; 0 before the first." }),
  agent: z.string().optional(),
  exit: exitView.optional(),
  attempts: z.array(attemptView).optional().meta({ description: "All attempts, when there was more than one. Only of a single job." }),
  scheduled_for: z.iso.datetime().optional(),
  next_attempt_at: z.iso.datetime().optional().meta({ description: "When a job that waits for a moment becomes ready." }),
  ...policySettings,
  ...requirementFields,
  created_by: z.string(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().optional(),
  finished_at: z.iso.datetime().optional(),
  wait_ms: z.number().optional().meta({ description: "From created, or the moment it was scheduled for, to started." }),
  run_ms: z.number().optional(),
  progress: z.int().optional().meta({ description: "How far the job says that its current or last attempt is, percent. In a list: of running jobs only." }),
  log_bytes: z.int().optional(),
  log_dropped_bytes: z.int().optional(),
});
export type JobView = z.infer<typeof jobView>;

/** `wait` answers with the result inside. */
export const jobWithResult = jobView.extend({ result: z.unknown().optional() });
export type JobWithResult = z.infer<typeof jobWithResult>;

export const runBatchResponse = z.object({ ids: z.array(z.string()) });

export const jobListQuery = z.strictObject({
  status: jobStatus.optional(),
  script: scriptPath.optional(),
  steps: z.stringbool().optional().meta({ description: "Steps of flows, too. Default: only when a script is named." }),
  cursor: z.string().max(64).optional().meta({ description: "`next_cursor` of the page before." }),
  limit: z.coerce.number().int().min(1).max(JOB_LIMITS.pageSize).optional(),
});
export type JobListQuery = z.infer<typeof jobListQuery>;

export const jobPage = z.object({ jobs: z.array(jobView), next_cursor: z.string().optional() });

export const progressRequest = z.strictObject({ percent: z.int().min(0).max(100) });

export const cancelRequest = z.strictObject({ reason: z.string().max(500).refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional() });

export const logQuery = z.strictObject({
  follow: z.stringbool().optional().meta({ description: "true: Server-Sent Events until the job has ended; otherwise plain text of what is there." }),
  attempt: z.coerce.number().int().min(1).max(32_767).optional().meta({ description: "Default: the newest attempt (following: each in turn)." }),
  stream: z.enum(["result"]).optional().meta({
    description: "`result`: instead of the log, what the job has streamed as its result so far. The log leaves it out as plain text, and has it when followed.",
  }),
});

/** Events of the followed log. The id of a log event is `attempt.seq.segment`; send it back as Last-Event-ID to go on. */
const logEvent = z.object({ attempt: z.int(), stream: z.enum(["stdout", "stderr", "agent", "result"]), at: z.iso.datetime(), text: z.string() });
export type LogEvent = z.infer<typeof logEvent>;
