import { AppError, type FieldError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { JobId } from "../../kernel/ids.ts";
import { LANGUAGES, NOOP_LANGUAGE, parseLanguage } from "../../kernel/languages.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { withPlainNumbers } from "../http/exact-json.ts";
import type { JobLimits } from "../scheduler/core/limit-model.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import { type Requirements, requirementsIn } from "../scheduler/core/requirements.ts";
import type { ScriptVersion } from "../scripts/script-store.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { JOB_LIMITS } from "./contract.ts";
import type { JobKey } from "./idempotency-key.ts";
import { type TimeSettings, timeOf } from "./job-options.ts";
import { renderLimits } from "./limit-keys.ts";
import { type LimitSettings, limitsIn } from "./limits-contract.ts";
import { type JobPayload, type NewJob, shardOf } from "./model.ts";
import type { PolicyRequest } from "./policy-contract.ts";
import { toPrio } from "./present.ts";

export const DEFAULT_TAG = "default";
const DEFAULT_PRIORITY = 5;
/** Somebody waits for the end of a deploy. */
const DEPENDENCIES_PRIORITY = 7;
const DEPENDENCIES_TIMEOUT_MS = 15 * 60 * 1000;

export interface RunSettings extends TimeSettings, LimitSettings, Requirements {
  readonly tag?: string | undefined;
  readonly timeout_ms?: number | undefined;
  readonly priority?: number | undefined;
}

export interface EnqueueContext {
  readonly workspace: Workspace;
  readonly createdBy: string;
  readonly clock: Clock;
  readonly newJobId: () => JobId;
  /** Under which the next job is accepted, if any. */
  readonly key?: JobKey | undefined;
  /** Empty when the arguments fit the schema. */
  readonly checkArgs: (
    version: { readonly hash: string; readonly schema: Readonly<Record<string, unknown>> },
    args: unknown,
    prefix: string,
  ) => readonly FieldError[];
}

/**
 * Makes a job of a deployed script from a request that has been parsed.
 * Errors: invalid_argument naming each field of the arguments that breaks the schema; out_of_range for too much of them.
 * @param prefix JSON pointer of the arguments in the request's body
 */
export function scriptJob(context: EnqueueContext, version: ScriptVersion, args: Record<string, unknown>, settings: RunSettings, prefix = "/args"): NewJob {
  const argsJson = argsText(args, prefix);
  const fields = context.checkArgs(version, withPlainNumbers(args, argsJson), prefix);
  if (fields.length > 0) throw argsError(version.path, fields);
  const payload: JobPayload = { kind: "script", scriptHash: version.hash, code: undefined, argsJson, createdBy: context.createdBy };
  return newJob(context, payload, settings, {
    language: version.language,
    tag: settings.tag ?? version.tag,
    priority: settings.priority ?? version.priority,
    scriptId: version.scriptId,
    timeoutMs: settings.timeout_ms ?? version.timeoutMs,
    defaults: version.policy,
    limits: limitsOf(context, version.limits, version.path, args),
  });
}

/** Makes a job of inline code. Errors: invalid_argument for an unknown language; out_of_range for too much code or arguments. */
export function inlineJob(context: EnqueueContext, code: { language: string; content: string }, args: Record<string, unknown>, settings: RunSettings): NewJob {
  const language = code.language === NOOP_LANGUAGE ? NOOP_LANGUAGE : parseLanguage(code.language);
  if (language === undefined) {
    throw new AppError("invalid_argument", `there is no runtime for language "${code.language}"`, {
      fields: [{ pointer: "/code/language", message: `must be one of ${LANGUAGES.join(", ")}` }],
    });
  }
  checkCode(code.content, "/code/content");
  const payload: JobPayload = { kind: "inline", scriptHash: undefined, code: code.content, argsJson: argsText(args, "/args"), createdBy: context.createdBy };
  const { tag = DEFAULT_TAG, priority, timeout_ms: timeoutMs } = settings;
  const limits = limitsOf(context, limitsIn(settings), undefined, args);
  return newJob(context, payload, settings, {
    language,
    tag,
    priority,
    scriptId: undefined,
    timeoutMs,
    defaults: undefined,
    limits,
    place: requirementsIn(settings),
  });
}

/** A job that finds out what a version of a script depends on, see scripts/locks.ts. It is no run of the script: it has no `scriptId` and none of its limits. */
export function dependenciesJob(context: Omit<EnqueueContext, "checkArgs">, version: ScriptVersion): NewJob {
  const payload: JobPayload = { kind: "dependencies", scriptHash: version.hash, code: undefined, argsJson: "{}", createdBy: context.createdBy };
  return newJob(
    context,
    payload,
    {},
    {
      language: version.language,
      tag: version.tag,
      priority: DEPENDENCIES_PRIORITY,
      scriptId: undefined,
      timeoutMs: DEPENDENCIES_TIMEOUT_MS,
      defaults: undefined,
      limits: undefined,
    },
  );
}

/** Errors: out_of_range over the limit; invalid_argument when the code has a NUL character. */
export function checkCode(content: string, pointer: string): void {
  if (Buffer.byteLength(content) > JOB_LIMITS.codeBytes)
    throw new AppError("out_of_range", `the code is larger than ${JOB_LIMITS.codeBytes} bytes`, { fields: [{ pointer, message: "is too large" }] });
  if (!WITHOUT_NUL.check(content))
    throw new AppError("invalid_argument", "the code contains a NUL character", { fields: [{ pointer, message: WITHOUT_NUL.message }] });
}

/** Errors: out_of_range for too much of them. */
export function argsText(args: Record<string, unknown>, pointer: string): string {
  const text = JSON.stringify(args);
  if (text.length > JOB_LIMITS.argsBytes || Buffer.byteLength(text) > JOB_LIMITS.argsBytes) {
    throw new AppError("out_of_range", `the arguments are larger than ${JOB_LIMITS.argsBytes} bytes of JSON`, {
      fields: [{ pointer, message: "is too large" }],
      hint: "put large data where the script can fetch it, and pass its address",
    });
  }
  return text;
}

function argsError(path: string, fields: readonly FieldError[]): AppError {
  const first = fields[0];
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : "";
  return new AppError(
    "invalid_argument",
    `the arguments do not fit ${path}: ${first === undefined ? "" : `${first.pointer.split("/").slice(2).join(".") || "args"} ${first.message}`}${more}`,
    { fields },
  );
}

interface Wanted {
  readonly language: string;
  readonly tag: string;
  readonly priority: number | undefined;
  readonly scriptId: string | undefined;
  readonly timeoutMs: number | undefined;
  /** Of the script. */
  readonly defaults: PolicyRequest | undefined;
  readonly limits: JobLimits | undefined;
  /** Of inline code. */
  readonly place?: Requirements | undefined;
}

function newJob(context: Omit<EnqueueContext, "checkArgs">, payload: JobPayload, settings: RunSettings, wanted: Wanted): NewJob {
  const time = timeOf(settings, wanted.defaults, wanted.timeoutMs, context.key, context.clock.wallMs(), wanted.place);
  const job: WaitingJob = {
    id: context.newJobId(),
    workspace: context.workspace.id,
    shard: shardOf(context.workspace.id),
    tag: wanted.tag,
    language: wanted.language,
    prio: toPrio(wanted.priority ?? DEFAULT_PRIORITY),
    dueAtMs: time.dueAtMs,
    attempt: 0,
    lost: 0,
    scriptId: wanted.scriptId,
    timeoutMs: wanted.timeoutMs,
    limits: wanted.limits,
    policy: time.policy,
  };
  return { job, payload, special: time.special };
}

/** A job that is not deferred and was made earlier, as if it were made now: an id tells when its job was accepted. */
export function renewedJob(made: NewJob, id: JobId, nowMs: number): NewJob {
  const { job, special } = made;
  const expiresAtMs = special?.expiresAtMs === undefined ? undefined : special.expiresAtMs + nowMs - job.dueAtMs;
  return { ...made, job: { ...job, id, dueAtMs: nowMs }, special: special && { ...special, expiresAtMs } };
}

function limitsOf(
  context: EnqueueContext,
  settings: LimitSettings | undefined,
  scriptPath: string | undefined,
  args: Record<string, unknown>,
): JobLimits | undefined {
  return renderLimits(settings, { workspace: context.workspace.id, workspaceName: context.workspace.name, scriptPath, args });
}
