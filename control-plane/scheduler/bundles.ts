import { AppError } from "../../kernel/app-error.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import { type Bundle, Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { JobPayload } from "../jobs/model.ts";
import type { RunningJob, WaitingJob } from "./core/model.ts";
import type { Requirements } from "./core/requirements.ts";
import type { StepOf } from "./core/retry-core.ts";
import { encodeRequirements } from "./requirements-codec.ts";

/** Code of a deployed version and what belongs to it. */
export interface ScriptCode {
  readonly path: string;
  readonly code: string;
  readonly codeHash: string;
  /** Empty: no versions are fixed (yet). */
  readonly lock: string;
  readonly requirements: Requirements | undefined;
}

type ResolvedArgs =
  | { readonly kind: "resolved"; readonly json: string; readonly secrets: readonly string[] }
  /** The message says what is not there. */
  | { readonly kind: "unresolved"; readonly message: string };

/** Whose arguments they are: what they may refer to follows from it. */
interface ArgsOf {
  readonly createdBy: string;
  /** In whose place the code is; undefined: in none. */
  readonly path: string | undefined;
  /** Of a step: the outermost run around it. */
  readonly flow: JobId | undefined;
  /** Those that may refer to anything; undefined: all. */
  readonly names: readonly string[] | undefined;
}

/** Where the owner finds what a payload only names. `get` answers from memory or not at all; `load` asks the database. */
export interface BundleSource {
  script(workspace: WorkspaceId, hash: string): ScriptCode | undefined;
  /** `home`: the path in whose place the version is, see `homeOf`. */
  loadScript(workspace: WorkspaceId, hash: string): Promise<(ScriptCode & { readonly home: string | undefined }) | undefined>;
  /** Puts the values in place of what arguments refer to, at this moment. Never kept: the bundle alone has them. */
  resolve(workspace: WorkspaceId, argsJson: string, of: ArgsOf): Promise<ResolvedArgs>;
  /** Whether arguments may refer to anything; asked of every job. */
  mayRefer(argsJson: string): boolean;
  workspaceName(workspace: WorkspaceId): string | undefined;
  loadWorkspaceName(workspace: WorkspaceId): Promise<string | undefined>;
  hashOfCode(language: string, code: string): string;
}

export interface BundleLimits {
  readonly timeoutMs: number;
  readonly cancelGraceMs: number;
  readonly resultMaxBytes: number;
  readonly logMaxBytes: number;
}

/** Everything the attempt needs, or undefined when a part is not in memory. */
export function buildBundle(source: BundleSource, limits: BundleLimits, running: RunningJob, payload: JobPayload): Bundle | undefined {
  if (refers(source, running, payload)) return undefined;
  return assemble(source, limits, running, payload, { json: payload.argsJson, secrets: [] });
}

/** Of a step only what people wrote refers to anything. */
function refers(source: BundleSource, { job }: RunningJob, { argsJson }: JobPayload): boolean {
  return job.policy?.flow?.refs?.length !== 0 && source.mayRefer(argsJson);
}

function assemble(
  source: BundleSource,
  limits: BundleLimits,
  running: RunningJob,
  payload: JobPayload,
  args: { readonly json: string; readonly secrets: readonly string[] },
): Bundle | undefined {
  const { job } = running;
  const workspace = source.workspaceName(job.workspace);
  const script = payload.scriptHash === undefined ? inlineScript(source, running.job, payload) : source.script(job.workspace, payload.scriptHash);
  if (workspace === undefined || script === undefined) return undefined;
  const findsLock = payload.kind === "dependencies";
  return {
    jobId: job.id,
    token: running.token,
    attempt: job.attempt + 1,
    workspace,
    scriptPath: script.path,
    language: job.language,
    codeHash: script.codeHash,
    code: script.code,
    argsJson: args.json,
    secrets: [...args.secrets],
    createdBy: payload.createdBy,
    env: stepEnv(job.policy?.flow),
    limits: {
      timeoutMs: job.timeoutMs ?? limits.timeoutMs,
      cancelGraceMs: limits.cancelGraceMs,
      resultMaxBytes: limits.resultMaxBytes,
      logMaxBytes: limits.logMaxBytes,
      softTimeoutMs: job.policy?.softTimeoutMs ?? 0,
    },
    tag: job.policy?.flow?.folder?.tag ?? job.tag,
    purpose: findsLock ? Purpose.PURPOSE_LOCK : Purpose.PURPOSE_UNSPECIFIED,
    lock: findsLock ? "" : script.lock,
    requirements: encodeRequirements(findsLock ? placeOfLock(script.requirements) : script.requirements),
    folder: folderOf(job.policy?.flow),
  };
}

export type LoadedBundle = { readonly kind: "bundle"; readonly bundle: Bundle } | Extract<ResolvedArgs, { kind: "unresolved" }>;

/**
 * The same, reading what is missing. An unresolved one never becomes a bundle by itself: its arguments refer to something that is not there.
 * Errors: internal when the script's version or the workspace does not exist any more.
 */
export async function loadBundle(source: BundleSource, limits: BundleLimits, running: RunningJob, payload: JobPayload): Promise<LoadedBundle> {
  await source.loadWorkspaceName(running.job.workspace);
  const { workspace, policy } = running.job;
  const script = payload.scriptHash === undefined ? undefined : await source.loadScript(workspace, payload.scriptHash);
  const of = { createdBy: payload.createdBy, path: script?.home, flow: policy?.flow?.root, names: policy?.flow?.refs };
  const args: ResolvedArgs = refers(source, running, payload)
    ? await source.resolve(workspace, payload.argsJson, of)
    : { kind: "resolved", json: payload.argsJson, secrets: [] };
  if (args.kind === "unresolved") return args;
  const bundle = assemble(source, limits, running, payload, args);
  if (bundle === undefined) throw new AppError("internal", `the code of job ${running.job.id} is not in the database`);
  return { kind: "bundle", bundle };
}

function inlineScript(source: BundleSource, job: WaitingJob, payload: JobPayload): ScriptCode {
  const code = payload.code ?? "";
  return { path: "", code, codeHash: source.hashOfCode(job.language, code), lock: "", requirements: job.policy?.requirements };
}

function folderOf(flow: StepOf | undefined): Bundle["folder"] {
  return flow?.folder === undefined ? undefined : { runId: flow.id, create: flow.folder.isNew };
}

/** Under our names, and under those that scripts written for Windmill read. */
function stepEnv(flow: StepOf | undefined): Bundle["env"] {
  if (flow === undefined) return [];
  const values = [
    ["FLOW_JOB_ID", flow.id],
    ["ROOT_FLOW_JOB_ID", flow.root],
    ["FLOW_STEP_ID", flow.place.slice(flow.place.lastIndexOf("/") + 1)],
  ] as const;
  const own = Object.entries(flow.env ?? {}).map(([name, value]) => ({ name, value }));
  return own.concat(["MILLRACE", "WM"].flatMap((prefix) => values.map(([name, value]) => ({ name: `${prefix}_${name}`, value }))));
}

/** A script that may not use the network still has dependencies that come from there; its sandbox is as strong. */
function placeOfLock(script: Requirements | undefined): Requirements | undefined {
  return script?.min_sandbox_level === undefined ? undefined : { min_sandbox_level: script.min_sandbox_level };
}
