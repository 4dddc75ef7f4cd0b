import { z } from "zod";
import { isStorableJson, WELL_FORMED } from "../../kernel/storable-text.ts";
import { JOB_LIMITS, jobStatus, scriptPath, tagName } from "../jobs/contract.ts";
import { policySettings } from "../jobs/policy-contract.ts";
import { changeFields, description, pageQuery, thingPath } from "../variables/contract.ts";
import { MAX_WAITING, OVERLAPS } from "./overlap-core.ts";

/** Limits of schedules, in one place; docs/limits.md names them. */
export const SCHEDULE_LIMITS = {
  /** Of one workspace. */
  schedules: 20_000,
  /** UTF-8 bytes of the JSON text of the arguments of one schedule, and of each of its handlers. */
  argsBytes: 64 * 1024,
  cronChars: 200,
  /** Missed ticks that are made up for. */
  catchUpRuns: 100,
  /** Age of missed ticks that are made up for, seconds. */
  catchUpWindowS: 30 * 24 * 3600,
  /** Failures or successes that a handler may ask for. */
  after: 1000,
  /** Runs of a schedule that may wait for the one before. */
  waiting: MAX_WAITING,
  /** Runs of a schedule that are remembered, about. */
  runs: 200,
  preview: 100,
  pageSize: 200,
} as const;

const args = z
  .record(z.string(), z.unknown())
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= SCHEDULE_LIMITS.argsBytes, `has at most ${SCHEDULE_LIMITS.argsBytes} bytes of JSON`)
  .refine(isStorableJson, WELL_FORMED.message);

const cron = z
  .string()
  .max(SCHEDULE_LIMITS.cronChars)
  .meta({ description: "Five fields (minute, hour, day, month, weekday), or six with seconds first. Also L, W and #.", examples: ["0 30 7 * * 1-5"] });
const timezone = z
  .string()
  .max(64)
  .meta({ description: "A zone of the IANA database.", examples: ["Europe/Berlin"] });

const catchUp = z
  .discriminatedUnion("policy", [
    z.strictObject({ policy: z.literal("none") }),
    z.strictObject({ policy: z.literal("latest") }),
    z.strictObject({
      policy: z.literal("all"),
      max: z.int().min(1).max(SCHEDULE_LIMITS.catchUpRuns).meta({ description: "Missed ticks that are made up for at most, the newest." }),
      window_s: z.int().min(60).max(SCHEDULE_LIMITS.catchUpWindowS).meta({ description: "Older ones are not." }),
    }),
  ])
  .meta({ description: "What is done about ticks that came while nothing ran: nothing, one run for all, or a run for each. Default none." });

const handler = {
  script: scriptPath.meta({ description: "Gets those of `schedule`, `path`, `job`, `due_at`, `error`, `failures` that its `main` takes, and `args`." }),
  args: args.optional(),
  after: z.int().min(1).max(SCHEDULE_LIMITS.after).optional().meta({ description: "Runs in a row that must have ended so. Default 1." }),
};

/** A whole schedule: what is left out has its default, whatever it was before. */
export const putSchedule = z
  .strictObject({
    cron,
    timezone: timezone.optional().meta({ description: "Default UTC." }),
    script: scriptPath.optional(),
    flow: scriptPath.optional(),
    args: args.optional().meta({ description: "Arguments of each run. Texts `$var:path` and `$res:path` are filled in when an attempt starts." }),
    tag: tagName.optional(),
    priority: z.int().min(0).max(9).optional(),
    timeout_ms: z.int().min(100).max(JOB_LIMITS.timeoutMs).optional(),
    ...policySettings,
    overlap: z.enum(OVERLAPS).optional().meta({
      description:
        "What a tick does while the run before has not ended: it is left out (skip, the default), waits for its turn (queue), or runs beside it (parallel).",
    }),
    catch_up: catchUp.optional(),
    on_error: z
      .strictObject({ ...handler, exact: z.boolean().optional().meta({ description: "Only at that number of failures, not at each from it on." }) })
      .optional()
      .meta({ description: "A script that is run when runs fail." }),
    on_recovery: z.strictObject(handler).optional().meta({ description: "A script that is run when runs succeed again." }),
    paused: z.boolean().optional().meta({ description: "Left out: it stays as it is, and a new one is not." }),
    description: description.optional(),
  })
  .refine(({ script, flow }) => (script === undefined) !== (flow === undefined), { message: "give either script or flow" });
export type PutSchedule = z.infer<typeof putSchedule>;

const scheduleView = z.object({
  path: z.string(),
  cron: z.string(),
  timezone: z.string(),
  script: z.string().optional(),
  flow: z.string().optional(),
  overlap: z.enum(OVERLAPS),
  catch_up: catchUp,
  paused: z.boolean(),
  next_at: z.iso.datetime().optional().meta({ description: "The next tick. None while it is paused, or when its pattern never matches again." }),
  failures: z.int().meta({ description: "Runs that failed in a row; counted for schedules with handlers." }),
  description: z.string(),
  ...changeFields,
});
export type ScheduleView = z.infer<typeof scheduleView>;

const handlerView = { script: z.string(), args: z.record(z.string(), z.unknown()), after: z.int() };
export const scheduleWithWork = scheduleView.extend({
  args: z.record(z.string(), z.unknown()),
  tag: z.string().optional(),
  priority: z.int().optional(),
  timeout_ms: z.int().optional(),
  ...policySettings,
  on_error: z.object({ ...handlerView, exact: z.boolean() }).optional(),
  on_recovery: z.object(handlerView).optional(),
});
export type ScheduleWithWork = z.infer<typeof scheduleWithWork>;
export const schedulePage = z.object({ schedules: z.array(scheduleView), next_cursor: z.string().optional() });
export const scheduleList = z.strictObject(pageQuery);

export const RUN_STATES = ["starting", "waiting", "started", "skipped", "missed", "failed"] as const;

export const scheduleRunView = z.object({
  due_at: z.iso.datetime().meta({ description: "The tick, or the moment at which the run was asked for." }),
  state: z.enum(RUN_STATES).meta({
    description:
      "starting: its job is being started. waiting: for the run before. started: `job` says which job. skipped: the run before had not ended. missed: nothing ran then; the first of `ticks` up to `until`. failed: its job could not be started.",
  }),
  asked_by: z.string().optional().meta({ description: "Who asked for it; none for a tick." }),
  job: z.string().optional(),
  status: jobStatus.optional().meta({ description: "Of the job." }),
  reason: z.string().optional().meta({ description: "Why it was skipped or could not be started." }),
  until: z.iso.datetime().optional(),
  ticks: z.int().optional().meta({ description: "Missed ones; at 1000 there may be more." }),
  handler: z.enum(["error", "recovery"]).optional().meta({ description: "Which handler its end called." }),
  handler_job: z.string().optional(),
});
export type ScheduleRunView = z.infer<typeof scheduleRunView>;
export const scheduleRunPage = z.object({ runs: z.array(scheduleRunView), next_cursor: z.string().optional() });

export const scheduleRunQuery = z.strictObject({
  path: thingPath,
  cursor: z.iso.datetime().optional().meta({ description: "`next_cursor` of the page before." }),
  limit: z.coerce.number().int().min(1).max(SCHEDULE_LIMITS.pageSize).optional(),
});

export const previewQuery = z.strictObject({
  cron,
  timezone: timezone.optional(),
  count: z.coerce.number().int().min(1).max(SCHEDULE_LIMITS.preview).optional(),
  after: z.iso.datetime({ offset: true }).optional().meta({ description: "Ticks after this moment; default now." }),
});
export const preview = z.object({
  ticks: z.array(z.object({ at: z.iso.datetime(), local: z.string().meta({ description: "The same in its zone, with its offset." }) })),
});
export type Preview = z.infer<typeof preview>;
