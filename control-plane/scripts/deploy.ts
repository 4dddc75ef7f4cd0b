import { AppError } from "../../kernel/app-error.ts";
import { LANGUAGES, type Language, LOCKED_LANGUAGES, NOOP_LANGUAGE, parseLanguage } from "../../kernel/languages.ts";
import { isStorableJson, WELL_FORMED } from "../../kernel/storable-text.ts";
import { inferSignature } from "../../signatures/infer.ts";
import { signatureToJsonSchema } from "../../signatures/to-json-schema.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { checkCode, DEFAULT_TAG } from "../jobs/enqueue.ts";
import { limitsIn } from "../jobs/limits-contract.ts";
import { policyOf } from "../jobs/policy-codec.ts";
import type { PolicyRequest } from "../jobs/policy-contract.ts";
import { requirementsIn } from "../scheduler/core/requirements.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { type Archived, presentArchived } from "./archived.ts";
import { codeHash, scriptHash } from "./content-hash.ts";
import type { DeployScriptRequest, ScriptView } from "./contract.ts";
import { type ExpectedVersion, notAsExpected } from "./expected-version.ts";
import { askAgain, type NewLock } from "./lock-store.ts";
import { mainExample } from "./main-examples.ts";
import type { ScriptCache } from "./script-cache.ts";
import { findVersion, insertVersion, type ScriptVersion } from "./script-store.ts";

/**
 * Deploys one version of a script: parses it, infers the schema of its arguments and stores it under the hash of all
 * that makes it what it is. Deploying the same thing again changes nothing.
 * Errors: invalid_argument for an unknown language or a syntax error (with its line); out_of_range for too much code; aborted when the
 * path is not as expected.
 */
export async function deployScript(
  pool: Pool,
  cache: ScriptCache,
  workspace: Workspace,
  createdBy: string,
  request: DeployScriptRequest,
  expected: ExpectedVersion = { kind: "any" },
): Promise<{ version: ScriptVersion; created: boolean }> {
  const language = request.language === NOOP_LANGUAGE ? NOOP_LANGUAGE : parseLanguage(request.language);
  if (language === undefined) {
    throw new AppError("invalid_argument", `there is no runtime for language "${request.language}"`, {
      fields: [{ pointer: "/language", message: `must be one of ${LANGUAGES.join(", ")}` }],
    });
  }
  checkCode(request.content, "/content");
  const { schema, mayNeedPackages } =
    language === NOOP_LANGUAGE ? { schema: { type: "object" }, mayNeedPackages: false } : await schemaOf(language, request.content);
  // The database reads the schema, and a default or a literal of the code may be any text.
  if (!isStorableJson(schema)) {
    throw new AppError("invalid_argument", `a name, default or literal of the parameters ${WELL_FORMED.message}`, {
      fields: [{ pointer: "/content", message: WELL_FORMED.message }],
    });
  }
  const settings = { tag: request.tag ?? DEFAULT_TAG, timeoutMs: request.timeout_ms, summary: request.summary ?? "", limits: limitsIn(request) };
  const defaults = defaultsOf(request);
  const requirements = requirementsIn(request);
  const hash = scriptHash({
    path: request.path,
    language,
    code: request.content,
    ...settings,
    priority: request.priority,
    policy: policyOf({}, defaults)?.text,
    requirements: requirements === undefined ? undefined : { ...requirements },
    lock: request.lock,
  });
  const next = {
    hash,
    path: request.path,
    language,
    content: request.content,
    codeHash: codeHash(language, request.content),
    ...settings,
    priority: request.priority,
    policy: defaults,
    requirements,
    schema,
    createdBy,
  };
  const created = await inTransaction(pool, async (client) => {
    const stored = await insertVersion(client, workspace.id, next, newLock(request, mayNeedPackages), expected);
    if (stored === undefined) throw notAsExpected("script", request.path, expected);
    if (stored.before !== hash) {
      const detail = { hash, before: stored.before ?? null };
      await recordAudit(client, { workspace: workspace.id, actor: createdBy, action: "scripts:deploy", target: `script ${request.path}`, detail });
    }
    return stored.created;
  });
  if (!created) await askAgain(pool, workspace.id, hash, "failed");
  cache.changed(workspace.id, request.path, hash);
  const version = await findVersion(pool, workspace.id, hash);
  if (version === undefined) throw new AppError("internal", "the version is not there after it was stored");
  return { version, created };
}

function newLock({ lock }: DeployScriptRequest, mayNeedPackages: boolean): NewLock {
  if (lock !== undefined) return { kind: "given", lock };
  return { kind: mayNeedPackages ? "pending" : "none" };
}

/** What runs of the script do unless they ask for something else; undefined for nothing. Errors: invalid_argument. */
function defaultsOf({ retry, queue_ttl_s, soft_timeout_ms, timeout_ms }: DeployScriptRequest): PolicyRequest | undefined {
  if (soft_timeout_ms !== undefined && timeout_ms !== undefined && soft_timeout_ms >= timeout_ms) {
    throw new AppError("invalid_argument", "soft_timeout_ms must be less than timeout_ms", {
      fields: [{ pointer: "/soft_timeout_ms", message: "must be less than timeout_ms" }],
    });
  }
  return policyOf({ retry, queue_ttl_s, soft_timeout_ms }, undefined) === undefined ? undefined : { retry, queue_ttl_s, soft_timeout_ms };
}

async function schemaOf(language: Language, content: string): Promise<{ schema: Record<string, unknown>; mayNeedPackages: boolean }> {
  const { signature, problems, standardOnly } = await inferSignature(language, content);
  const first = problems[0];
  if (first !== undefined) {
    const fields = problems
      .slice(0, 20)
      .map((problem) => ({ pointer: "/content", message: `line ${problem.line}, column ${problem.column}: ${problem.message}` }));
    throw new AppError("invalid_argument", `syntax error in line ${first.line}: ${first.message}`, { fields, hint: first.text });
  }
  const example = mainExample(language);
  if (!signature.hasMain && example !== undefined) {
    throw new AppError("invalid_argument", "the script has no function main", {
      fields: [{ pointer: "/content", message: "must define main" }],
      hint: `start with: ${example}`,
    });
  }
  return { schema: signatureToJsonSchema(signature), mayNeedPackages: LOCKED_LANGUAGES.has(language) && standardOnly !== true };
}

/** The hash that a version has, or would have under another path. @param lock the one that it was deployed with, if it was */
export function hashOfVersion(version: ScriptVersion, path: string, lock: string | undefined): string {
  const { language, content, tag, timeoutMs, summary, limits, priority, policy, requirements } = version;
  return scriptHash({
    path,
    language,
    code: content,
    tag,
    timeoutMs,
    summary,
    limits,
    priority,
    policy: policyOf({}, policy)?.text,
    requirements: requirements === undefined ? undefined : { ...requirements },
    lock,
  });
}

/** The lock that a version was deployed with; undefined when it has none, or one that was found out afterwards. */
export function givenLock(version: ScriptVersion): string | undefined {
  const { state, lock } = version.lock;
  return state === "ready" && hashOfVersion(version, version.path, lock) === version.hash ? lock : undefined;
}

/** A version as the API shows it, without its code. */
export function presentScript(version: ScriptVersion, archived?: Archived): ScriptView {
  return {
    path: version.path,
    hash: version.hash,
    language: version.language,
    summary: version.summary,
    tag: version.tag,
    ...(version.timeoutMs !== undefined && { timeout_ms: version.timeoutMs }),
    ...(version.priority !== undefined && { priority: version.priority }),
    ...version.policy,
    ...version.limits,
    ...version.requirements,
    lock_state: version.lock.state,
    ...(version.lock.jobId !== undefined && { lock_job: version.lock.jobId }),
    ...(version.lock.error !== undefined && { lock_error: version.lock.error }),
    schema: version.schema,
    created_at: new Date(version.createdAtMs).toISOString(),
    created_by: version.createdBy,
    ...presentArchived(archived),
  };
}

/** With its code, and its lock once that is ready. */
export function presentWithContent(version: ScriptVersion, archived?: Archived): ScriptView & { content: string; lock?: string; lock_given: boolean } {
  const lock = version.lock.state === "ready" ? { lock: version.lock.lock } : {};
  return { ...presentScript(version, archived), content: version.content, ...lock, lock_given: givenLock(version) !== undefined };
}
