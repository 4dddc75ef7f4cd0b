import { z } from "zod";
import { JOB_LIMITS, scriptPath } from "../jobs/contract.ts";
import { changeFields, description, pageQuery, thingPath } from "../variables/contract.ts";
import { isAnswerHeader, isAnswerStatus, isAnswerType } from "./answer-core.ts";
import { isPlace } from "./map-args-core.ts";
import { PATTERN_LIMITS, parsePattern } from "./route-pattern-core.ts";

/** Limits of triggers, in one place. */
export const TRIGGER_LIMITS = {
  /** Of a workspace. */
  triggers: 1000,
  /** Bytes of a call's body. */
  bodyBytes: JOB_LIMITS.argsBytes,
  /** UTF-8 bytes of the settings as JSON, constants included. */
  settingsBytes: 64 * 1024,
  /** Calls of one workspace that wait or follow at a time, on one replica. */
  openCalls: 500,
  /** Calls that are remembered of each trigger. */
  calls: 20,
} as const;

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
const MODES = ["async", "wait", "sse"] as const;

const headerName = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, "the name of a header, in lower case")
  .refine((name) => name !== "cookie" && name !== "authorization", "cookies and bearer tokens are read anyway, or must not be");

const authSettings = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({
      kind: z.literal("token"),
      header: headerName.optional().meta({ description: "In which header the token comes. Default: `Authorization: Bearer …`." }),
    }),
    z.strictObject({ kind: z.enum(["standard", "github", "stripe", "slack", "gitlab"]) }),
  ])
  .meta({ description: "Who may call: whoever has a token, or signs as Standard Webhooks (`standard`) or one of these services do. `none` is for routes." });
export type Auth = z.infer<typeof authSettings>;

const answerSettings = z
  .strictObject({
    status: z.int().refine(isAnswerStatus, "is 200 to 599").optional(),
    content_type: z.string().refine(isAnswerType, "must be a media type, and not code that browsers load").optional(),
    headers: z
      .record(z.string(), z.string())
      .refine((headers) => Object.entries(headers).every(([name, value]) => isAnswerHeader(name, value)), "has a header that answers may not set")
      .optional(),
  })
  .meta({
    description: "Of answers with a result. The result may say the same: `millrace_status`, `millrace_headers`, `millrace_content_type`, `millrace_body`.",
  });

const places = z.record(
  z.string().min(1).max(100),
  z.string().max(300).refine(isPlace, "is not body, headers, query or params (or a member of one), raw, method or path"),
);

/** What is stored as JSON. */
export const triggerSettings = z.strictObject({
  script: scriptPath.optional().meta({ description: "What it starts: a deployed script, the newest version." }),
  flow: scriptPath.optional().meta({ description: "Or a deployed flow." }),
  mode: z.enum(MODES).meta({
    description: "What the caller gets: the job's id at once (202), its result (`wait`, 202 when it takes longer than `wait_s`), or Server-Sent Events.",
  }),
  wait_s: z.number().min(1).max(JOB_LIMITS.waitS).optional().meta({ description: "Seconds, for `wait`. Default 30." }),
  auth: authSettings,
  args: places
    .optional()
    .meta({ description: "Argument → where it comes from. Default: the members of the body, or the query; and the parameters of the pattern." }),
  constants: z
    .record(z.string().min(1).max(100), z.unknown())
    .optional()
    .meta({ description: "Arguments that are always the same. They may refer to variables and resources; what callers send may not." }),
  response: answerSettings.optional(),
});
export type TriggerSettings = z.infer<typeof triggerSettings>;

const pattern = z
  .string()
  .max(PATTERN_LIMITS.chars)
  .superRefine((text, context) => {
    const parsed = parsePattern(text);
    if (typeof parsed === "string") context.addIssue({ code: "custom", message: parsed });
  })
  .meta({ examples: ["/orders/:id"] });

export const putTrigger = z
  .strictObject({
    kind: z.enum(["webhook", "route"]).meta({ description: "webhook: a POST to …/webhooks/{path}. route: a method and a pattern of your own." }),
    method: z.enum(METHODS).optional().meta({ description: "Of a route." }),
    pattern: pattern.optional().meta({ description: "Of a route, below /api/r/{workspace}: `/orders/:id`, `/files/*rest`." }),
    ...triggerSettings.shape,
    mode: triggerSettings.shape.mode.default("async"),
    paused: z.boolean().optional().meta({ description: "Left out: it stays as it is." }),
    description: description.optional(),
  })
  .superRefine((body, context) => {
    const issue = (name: string, message: string): void => context.addIssue({ code: "custom", path: [name], message });
    if ((body.script === undefined) === (body.flow === undefined)) issue("script", "give exactly one of script and flow");
    for (const name of ["method", "pattern"] as const)
      if ((body[name] !== undefined) !== (body.kind === "route")) issue(name, body.kind === "route" ? "is missing" : "is for routes");
    if (body.kind === "webhook" && body.auth.kind === "none") issue("auth", "a webhook needs one; `none` is for routes");
    if (body.wait_s !== undefined && body.mode !== "wait") issue("wait_s", "is for the mode wait");
    if (body.response !== undefined && body.mode !== "wait") issue("response", "is for the mode wait");
    if (Buffer.byteLength(JSON.stringify(body)) > TRIGGER_LIMITS.settingsBytes)
      issue("constants", `all settings together have at most ${TRIGGER_LIMITS.settingsBytes} bytes`);
  });
export type PutTrigger = z.infer<typeof putTrigger>;

export const triggerView = z.object({
  path: thingPath,
  kind: z.enum(["webhook", "route"]),
  method: z.enum(METHODS).optional(),
  pattern: z.string().optional(),
  ...triggerSettings.shape,
  paused: z.boolean(),
  description: z.string(),
  url: z.string().meta({ description: "Where it is called; without a host when the server does not know its own (MILLRACE_PUBLIC_URL)." }),
  ...changeFields,
});
export type TriggerView = z.infer<typeof triggerView>;

export const triggerListQuery = z.strictObject(pageQuery);
export const triggerPage = z.object({ triggers: z.array(triggerView), next_cursor: z.string().optional() });

const CALL_OUTCOMES = ["accepted", "repeated", "refused"] as const;
const callView = z.object({
  at: z.iso.datetime(),
  outcome: z.enum(CALL_OUTCOMES).meta({ description: "repeated: the same call came before, and its job is named." }),
  job: z.string().optional(),
  why: z.string().optional().meta({ description: "Of a refused one." }),
});
export type CallView = z.infer<typeof callView>;
export const activityView = z.object({
  accepted: z.int(),
  repeated: z.int(),
  refused: z.int(),
  last_at: z.iso.datetime().optional(),
  calls: z.array(callView).meta({ description: `The last ${TRIGGER_LIMITS.calls}, newest first.` }),
});
export type ActivityView = z.infer<typeof activityView>;
