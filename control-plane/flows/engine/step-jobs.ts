import { AppError } from "../../../kernel/app-error.ts";
import type { AgentKey, JobId } from "../../../kernel/ids.ts";
import { parseLanguage } from "../../../kernel/languages.ts";
import { JOB_LIMITS } from "../../jobs/contract.ts";
import { DEFAULT_TAG } from "../../jobs/enqueue.ts";
import { renderLimits } from "../../jobs/limit-keys.ts";
import type { LimitSettings } from "../../jobs/limits-contract.ts";
import type { JobPayload, NewJob } from "../../jobs/model.ts";
import { stepPolicy } from "../../jobs/policy-codec.ts";
import type { PolicyRequest } from "../../jobs/policy-contract.ts";
import { toPrio } from "../../jobs/present.ts";
import { FLOW_LANGUAGE, FLOW_TAG } from "../../scheduler/core/flow-agent.ts";
import type { JobLimits } from "../../scheduler/core/limit-model.ts";
import type { WaitingJob } from "../../scheduler/core/model.ts";
import { pinTagOf } from "../../scheduler/core/pinned-core.ts";
import type { RestartOf, StepOf } from "../../scheduler/core/retry-core.ts";
import type { ScriptVersion } from "../../scripts/script-store.ts";
import type { Place } from "../core/model.ts";
import { PREPROCESSOR_PLACE } from "../core/place.ts";
import type { Concurrency, FlowDefinition, Module } from "../model.ts";
import { parseMembers } from "./flow-codec.ts";
import { preprocessorCode } from "./preprocessor-code.ts";
import { priorityAt } from "./step-priority.ts";

/** A sub-flow in a sub-flow in a sub-flow …: so deep and no deeper. */
const MOST_DEPTH = 20;

/** What a step's job is made of beside its module. */
export interface StepParts {
  readonly flow: WaitingJob;
  readonly flowPath: string | undefined;
  readonly definition: FlowDefinition;
  readonly createdBy: string;
  readonly workspaceName: string;
  readonly place: Place;
  readonly module: Module;
  readonly id: JobId;
  /** JSON text of an object. */
  readonly argsJson: string;
  /** Of the module's own. */
  readonly timeoutMs: number | undefined;
  /** See StepOf. */
  readonly refs: readonly string[];
  readonly cache: StepOf["cache"];
  readonly nowMs: number;
  /** A preprocessor has made the run's inputs. */
  readonly hasNewInputs: boolean;
  /** The agent that has the folder which the steps share. */
  readonly folder: AgentKey | undefined;
  /** It is a sub-flow, and goes on in the middle. */
  readonly sub: RestartOf["sub"];
  readonly resolved: Resolved;
}

/** What a step runs, once its path has been looked up. */
export type Resolved =
  | { readonly kind: "code" }
  | { readonly kind: "script"; readonly version: ScriptVersion }
  | { readonly kind: "flow"; readonly hash: string };

interface Wanted {
  readonly payload: Pick<JobPayload, "scriptHash" | "code">;
  readonly language: string;
  readonly tag: string;
  readonly scriptId: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly defaults: PolicyRequest | undefined;
  readonly limits: JobLimits | undefined;
}

/** Makes the job of a step. Errors: out_of_range for arguments that are too large, and for sub-flows that are nested too deeply. */
export function stepJob(parts: StepParts): NewJob {
  const { flow, place, definition, id, argsJson, createdBy, nowMs } = parts;
  if (argsJson.length > JOB_LIMITS.argsBytes || Buffer.byteLength(argsJson) > JOB_LIMITS.argsBytes)
    throw new AppError("out_of_range", `the arguments are larger than ${JOB_LIMITS.argsBytes} bytes of JSON`);
  const wanted = wantedBy(parts);
  const priority = priorityAt(definition, place, parts.module);
  const root = flow.policy?.flow?.root ?? flow.id;
  const folder = folderOf(parts, wanted.tag);
  const of = { id: flow.id, root, place, depth: depthOf(parts), env: envOf(definition), refs: parts.refs, cache: parts.cache, folder };
  const policy = stepPolicy(of, wanted.defaults, parts.sub?.restart);
  const job: WaitingJob = {
    id,
    workspace: flow.workspace,
    shard: flow.shard,
    tag: folder?.isNew === false && parts.folder !== undefined ? pinTagOf(parts.folder) : wanted.tag,
    language: wanted.language,
    prio: priority === undefined ? flow.prio : toPrio(priority),
    dueAtMs: nowMs,
    attempt: 0,
    lost: 0,
    scriptId: wanted.scriptId,
    timeoutMs: parts.timeoutMs ?? wanted.timeoutMs,
    limits: wanted.limits,
    policy,
  };
  const expiresAtMs = policy.queueTtlMs === undefined ? undefined : nowMs + policy.queueTtlMs;
  const special = expiresAtMs === undefined ? undefined : { scheduledForMs: undefined, expiresAtMs, key: undefined };
  return { job, payload: { kind: "step", ...wanted.payload, argsJson, createdBy }, special };
}

function wantedBy(parts: StepParts): Wanted {
  const { module, resolved, flowPath, flow } = parts;
  const { value } = module;
  if (resolved.kind === "flow") {
    const none = { scriptId: undefined, timeoutMs: undefined, defaults: undefined, limits: undefined };
    return { payload: { scriptHash: resolved.hash, code: undefined }, language: FLOW_LANGUAGE, tag: FLOW_TAG, ...none };
  }
  if (resolved.kind === "script") {
    const { version } = resolved;
    return {
      payload: { scriptHash: version.hash, code: undefined },
      language: version.language,
      tag: (value.kind === "script" ? value.tag : undefined) ?? version.tag,
      scriptId: version.scriptId,
      timeoutMs: version.timeoutMs,
      defaults: version.policy,
      limits: limitsOf(parts, version.limits, version.path),
    };
  }
  if (value.kind !== "rawscript") throw new AppError("internal", `a step of the kind ${value.kind} has no code`);
  const language = parseLanguage(value.language) ?? value.language;
  return {
    payload: { scriptHash: undefined, code: parts.place === PREPROCESSOR_PLACE ? preprocessorCode(language, value.content) : value.content },
    language,
    tag: value.tag ?? DEFAULT_TAG,
    scriptId: undefined,
    timeoutMs: undefined,
    defaults: undefined,
    limits: limitsOf(parts, settingsOf(value.concurrency), value.path ?? `${flowPath ?? flow.id}/${module.id}`),
  };
}

/** OpenFlow's limit: so many at a time, or with a window so many starts in it. */
export function settingsOf(concurrency: Concurrency | undefined): LimitSettings | undefined {
  if (concurrency === undefined) return undefined;
  const { limit, key, windowS } = concurrency;
  const named = key === undefined ? {} : { key };
  return windowS === undefined ? { concurrency: [{ ...named, limit }] } : { rate: [{ ...named, starts: limit, per_s: windowS }] };
}

function limitsOf({ flow, workspaceName, argsJson }: StepParts, settings: LimitSettings | undefined, scriptPath: string): JobLimits | undefined {
  if (settings === undefined) return undefined;
  return renderLimits(settings, { workspace: flow.workspace, workspaceName, scriptPath, args: parseMembers(argsJson) });
}

/** A sub-flow is a run of its own: what its steps share is theirs. */
function folderOf({ definition, resolved, folder }: StepParts, tag: string): StepOf["folder"] {
  return definition.sameWorker && resolved.kind !== "flow" ? { isNew: folder === undefined, tag } : undefined;
}

function depthOf({ flow, resolved }: StepParts): number | undefined {
  const depth = (flow.policy?.flow?.depth ?? 0) + 1;
  if (resolved.kind !== "flow") return flow.policy?.flow?.depth;
  if (depth > MOST_DEPTH) throw new AppError("out_of_range", `flows are nested more than ${MOST_DEPTH} deep: does a flow run itself?`);
  return depth;
}

/** Constants of the flow, as its steps' environment: texts as they are, everything else as JSON. */
function envOf({ env }: FlowDefinition): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(env);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]));
}
