import { z } from "zod";
import { WITHOUT_NUL } from "../../../kernel/storable-text.ts";

export const RUN_LIMITS = { eventPage: 500, approverChars: 100, approvalBytes: 64 * 1024 } as const;

const STEP_STATUSES = ["waiting", "running", "sleeping", "suspended", "retrying", "succeeded", "failed", "cancelled", "skipped"] as const;

const stepView = z.object({
  step: z.string().meta({ description: "Its place: ids of steps, and between them the number of an iteration or branch, such as `loop/3/b`." }),
  status: z.enum(STEP_STATUSES),
  job: z.string().optional().meta({ description: "The job that runs or ran it." }),
  attempt: z.int().meta({ description: "0 before it begins." }),
  done: z.int().optional().meta({ description: "Of a loop or branchall: how many are over. Of a step that waits for people: approvals so far." }),
  count: z.int().optional().meta({ description: "Of how many." }),
  until: z.iso.datetime().optional().meta({ description: "When it goes on by itself, or gives up waiting." }),
  evaluating: z.string().optional().meta({ description: "The expression that is being evaluated." }),
});
export type FlowStepView = z.infer<typeof stepView>;

export const flowRunView = z.object({
  job: z.string(),
  events: z.int().meta({ description: "How many there are by now." }),
  steps: z
    .array(stepView)
    .meta({ description: "In the order of the flow; of what is under way also what is within it. At most 500, and 20 iterations of a loop." }),
});
export type FlowRunView = z.infer<typeof flowRunView>;

const flowEventView = z.looseObject({ seq: z.int(), at: z.iso.datetime(), kind: z.string(), step: z.string().optional() });
export type FlowEventView = z.infer<typeof flowEventView>;

export const flowEventPage = z.object({
  events: z.array(flowEventView),
  next_after: z.int().optional().meta({ description: "Pass it as `after` for the next page; absent when there are no more by now." }),
});

export const flowEventQuery = z.strictObject({
  after: z.coerce.number().int().min(0).optional().meta({ description: "Only events after the one with this number." }),
  limit: z.coerce.number().int().min(1).max(RUN_LIMITS.eventPage).optional(),
  follow: z.stringbool().optional().meta({ description: "true: Server-Sent Events until the run has ended." }),
});

const approver = z.string().min(1).max(RUN_LIMITS.approverChars).refine(WITHOUT_NUL.check, WITHOUT_NUL.message);

export const inviteRequest = z.strictObject({
  step: z.string().max(2000).optional().meta({ description: "Place of the step that waits. Default: the only one that does." }),
  approver: approver.optional().meta({ description: "For whom; the answer is recorded under this name. Default: anonymous." }),
});

export const invitation = z.object({
  step: z.string(),
  approver: z.string(),
  resume_url: z.string().meta({ description: "A POST to it approves; a body is the payload that the flow sees as `resume`. Whoever has it needs no token." }),
  cancel_url: z.string().meta({ description: "A POST to it refuses." }),
});
export type Invitation = z.infer<typeof invitation>;

export const answerRequest = z.strictObject({
  step: z.string().max(2000).optional(),
  approve: z.boolean(),
  payload: z.unknown().optional().meta({ description: "What the flow sees as `resume`." }),
});

export const approvalView = z.object({
  workspace: z.string(),
  job: z.string(),
  flow: z.string().optional(),
  step: z.string(),
  summary: z.string().optional(),
  approver: z.string(),
  waiting: z.boolean().meta({ description: "false: the run has gone on, or this approver has answered." }),
  approvals: z.int(),
  needed: z.int(),
  until: z.iso.datetime().optional(),
  form: z.unknown().optional().meta({ description: "JSON Schema of the payload." }),
  can_refuse: z.boolean(),
});
export type ApprovalView = z.infer<typeof approvalView>;
