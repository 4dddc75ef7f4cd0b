import { AppError, type FieldError } from "../../kernel/app-error.ts";
import { withPlainNumbers } from "../http/exact-json.ts";
import { argsText, type EnqueueContext, type RunSettings } from "../jobs/enqueue.ts";
import { timeOf } from "../jobs/job-options.ts";
import { renderLimits } from "../jobs/limit-keys.ts";
import type { LimitSettings } from "../jobs/limits-contract.ts";
import { type NewJob, shardOf } from "../jobs/model.ts";
import { eventPolicy } from "../jobs/policy-codec.ts";
import { toPrio } from "../jobs/present.ts";
import { FLOW_LANGUAGE, FLOW_TAG } from "../scheduler/core/flow-agent.ts";
import { settingsOf } from "./engine/step-jobs.ts";
import type { FlowDefinition } from "./model.ts";

/** A flow that is to run: a deployed version, or a document of the request itself. */
export interface WantedFlow {
  readonly hash: string;
  /** Undefined: not deployed, and then `document` is its JSON text. */
  readonly path: string | undefined;
  readonly document: string | undefined;
  readonly definition: FlowDefinition;
  readonly schema?: Readonly<Record<string, unknown>> | undefined;
}

/** Of a run. */
export interface FlowSettings extends RunSettings {
  /** Set when an outside trigger starts it: the inputs for a preprocessor, which makes those of the steps. Of no use for a flow without one. */
  readonly event?: Readonly<Record<string, unknown>> | undefined;
}

const DEFAULT_PRIORITY = 5;

/**
 * Makes the job of a run. Errors: invalid_argument for arguments that break the schema and for settings that only single jobs have; out_of_range for
 * too much of the arguments.
 */
export function flowJob(context: EnqueueContext, flow: WantedFlow, inputs: Record<string, unknown>, settings: FlowSettings): NewJob {
  refuseSettings(settings);
  const event = flow.definition.preprocessor === undefined ? undefined : settings.event;
  const args = event ?? inputs;
  const argsJson = argsText(args, "/args");
  // What the steps get is not known before the preprocessor has run.
  const fields =
    flow.schema === undefined || event !== undefined
      ? []
      : context.checkArgs({ hash: flow.hash, schema: flow.schema }, withPlainNumbers(args, argsJson), "/args");
  if (fields.length > 0) throw argsError(flow.path, fields);
  const { queue_ttl_s, scheduled_for, delay_s, timeout_ms, priority } = settings;
  const time = timeOf({ queue_ttl_s, scheduled_for, delay_s }, undefined, timeout_ms, context.key, context.clock.wallMs());
  const { id: workspace, name: workspaceName } = context.workspace;
  return {
    job: {
      id: context.newJobId(),
      workspace,
      shard: shardOf(workspace),
      tag: FLOW_TAG,
      language: FLOW_LANGUAGE,
      prio: toPrio(priority ?? flow.definition.priority ?? DEFAULT_PRIORITY),
      dueAtMs: time.dueAtMs,
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs: timeout_ms,
      limits: renderLimits(limitsOf(flow.definition, flow.path ?? flow.hash), { workspace, workspaceName, scriptPath: flow.path ?? flow.hash, args }),
      policy: event === undefined ? time.policy : eventPolicy(time.policy),
    },
    payload: {
      kind: "flow",
      scriptHash: flow.document === undefined ? flow.hash : undefined,
      code: flow.document,
      argsJson,
      createdBy: context.createdBy,
    },
    special: time.special,
  };
}

function limitsOf({ concurrency, debounce }: FlowDefinition, name: string): LimitSettings | undefined {
  const limits = settingsOf(concurrency);
  if (debounce === undefined) return limits;
  const { delayS, key = name, maxDelayS } = debounce;
  return { ...limits, debounce: { key, delay_s: delayS, ...(maxDelayS !== undefined && { max_delay_s: maxDelayS }) } };
}

/** What a run of a flow cannot have, since it runs no process of its own. */
function refuseSettings(settings: RunSettings): void {
  for (const name of ["tag", "retry", "soft_timeout_ms"] as const) {
    if (settings[name] === undefined) continue;
    throw new AppError("invalid_argument", `${name} is not for flows: give it to their steps`, {
      fields: [{ pointer: `/${name}`, message: "is not for flows" }],
    });
  }
}

function argsError(path: string | undefined, fields: readonly FieldError[]): AppError {
  const [first] = fields;
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : "";
  const what = first === undefined ? "" : `${first.pointer.split("/").slice(2).join(".") || "args"} ${first.message}`;
  return new AppError("invalid_argument", `the arguments do not fit ${path ?? "the flow"}: ${what}${more}`, { fields });
}
