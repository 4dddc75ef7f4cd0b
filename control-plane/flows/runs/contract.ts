import { z } from "zod";
import { WITHOUT_NUL } from "../../../kernel/storable-text.ts";
import { scriptPath } from "../../jobs/contract.ts";

export const RUN_LIMITS = {
  eventPage: 500,
  approverChars: 100,
  approvalBytes: 64 * 1024,
  approvalsBytes: 1024 * 1024,
  runApprovalsBytes: 4 * 1024 * 1024,
} as const;

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

const follow = z.stringbool().optional().meta({ description: "true: Server-Sent Events until the run has ended." });

export const flowRunQuery = z.strictObject({ follow });

const flowEventView = z.looseObject({ seq: z.int(), at: z.iso.datetime(), kind: z.string(), step: z.string().optional() });
export type FlowEventView = z.infer<typeof flowEventView>;

export const flowEventPage = z.object({
  events: z.array(flowEventView),
  next_after: z.int().optional().meta({ description: "Pass it as `after` for the next page; absent when there are no more by now." }),
});

export const flowEventQuery = z.strictObject({
  after: z.coerce.number().int().min(0).optional().meta({ description: "Only events after the one with this number." }),
  limit: z.coerce.number().int().min(1).max(RUN_LIMITS.eventPage).optional(),
  follow,
});

const place = z.string().min(1).max(2000);

export const restartRequest = z.strictObject({
  step: place.optional().meta({
    description:
      "Where the new run goes on, such as `b`, `loop/3/b`, or `sub/loop/3/b` in a sub-flow: what comes before it keeps its results. Default: at the beginning.",
  }),
  args: z.record(z.string(), z.unknown()).optional().meta({ description: "Inputs of the new run. Default: those of the earlier one." }),
  newest: z.boolean().optional().meta({ description: "true: the newest version of the flow (and of the sub-flows on the way) instead of the one that ran." }),
});
export type RestartRequest = z.infer<typeof restartRequest>;

const moduleId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

export const stepTestRequest = z
  .strictObject({
    flow: scriptPath.optional().meta({ description: "The newest version of this path." }),
    flow_hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    document: z.record(z.string(), z.unknown()).optional(),
    yaml: z.string().refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional(),
    job: z.string().max(64).optional().meta({
      description: "A run whose inputs and results the step gets; its flow, too, if no other is named. `step` is a place in it, such as `loop/3/b`.",
    }),
    step: place.meta({ description: "Id of the step." }),
    args: z.record(z.string(), z.unknown()).optional().meta({ description: "Inputs of the flow; `iter` for a step of a loop." }),
    results: z.record(moduleId, z.unknown()).optional().meta({ description: "Results of other steps by id, instead of those of the run." }),
  })
  .refine((body) => [body.flow, body.flow_hash, body.document, body.yaml].filter((given) => given !== undefined).length <= 1, {
    message: "give at most one of flow, flow_hash, document and yaml",
  })
  .refine((body) => [body.flow, body.flow_hash, body.document, body.yaml, body.job].some((given) => given !== undefined), {
    message: "give one of flow, flow_hash, document, yaml and job",
  });
export type StepTestRequest = z.infer<typeof stepTestRequest>;

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
  payload: z
    .unknown()
    .optional()
    .meta({ description: "What the flow sees as `resume`. To approve it has to fit the form of the step, if there is one, whose defaults it has then." }),
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
  form: z.unknown().optional().meta({ description: "JSON Schema that the payload of an approval has to fit, as the flow has it." }),
  can_refuse: z.boolean(),
});
export type ApprovalView = z.infer<typeof approvalView>;
