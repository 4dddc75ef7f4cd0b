import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Caller } from "../http/authorize.ts";
import { parseExactJson } from "../http/exact-json.ts";
import { type JobView, type RunJobRequest, runJobRequest } from "./contract.ts";
import type { JobService } from "./job-service.ts";
import type { JobRecord } from "./job-store.ts";
import { policyRequestOf } from "./policy-codec.ts";
import { readStoredJob, type StoredJob } from "./rerun-store.ts";

export const rerunRequest = z.strictObject({
  args: runJobRequest.shape.args.meta({ description: "Instead of the arguments that the job had." }),
  latest: z.boolean().optional().meta({ description: "Runs the current version of the script or flow, instead of the one that the job ran." }),
});
export type RerunRequest = z.infer<typeof rerunRequest>;

/**
 * Runs again what a job ran: the same version, arguments, tag, priority, time limits and retries. Limits that inline code brought along are not kept with a
 * job: they are not taken over.
 * Errors: not_found; failed_precondition for a job that is part of something else; those of run.
 */
export async function rerun(
  pool: Pool,
  jobs: JobService,
  caller: Caller,
  id: JobId,
  request: RerunRequest,
  key?: string,
): Promise<{ created: boolean; view: JobView }> {
  // Whoever does not see it does not run it again.
  const record = await jobs.record(caller, id);
  const stored = await readStoredJob(pool, caller.workspace.id, id);
  if (stored === undefined) throw new AppError("not_found", `there is no job ${id}`);
  const what = request.latest === true ? currentOf(record, id, stored) : sameAs(stored, id);
  return jobs.run(caller, { ...what, ...settingsOf(stored), args: request.args ?? argsOf(stored) }, key);
}

type What = Pick<RunJobRequest, "hash" | "code" | "flow_hash" | "document" | "script" | "flow">;

function sameAs({ kind, scriptHash, language, code }: StoredJob, id: JobId): What {
  switch (kind) {
    case "script":
      return { hash: scriptHash ?? "" };
    case "inline":
      return { code: { language, content: code ?? "" } };
    case "flow":
      return code === undefined ? { flow_hash: scriptHash ?? "" } : { document: objectIn(code) };
    case "step":
      throw new AppError("failed_precondition", `job ${id} is a step of a flow`, { hint: "run the flow again: its run is `root` of the job" });
    case "dependencies":
      throw new AppError("failed_precondition", `job ${id} found out what a script depends on`, { hint: "deploy the script again" });
  }
}

function currentOf({ scriptPath, flowPath }: JobRecord, id: JobId, stored: StoredJob): What {
  if (stored.kind === "script" && scriptPath !== undefined) return { script: scriptPath };
  if (stored.kind === "flow" && flowPath !== undefined) return { flow: flowPath };
  return sameAs(stored, id);
}

function settingsOf({ kind, tag, prio, timeoutMs, policyText }: StoredJob): Partial<RunJobRequest> {
  const policy = policyText === undefined ? {} : policyRequestOf(policyText);
  const common = { priority: 9 - prio, ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }) };
  if (kind === "flow") return { ...common, ...(policy.queue_ttl_s !== undefined && { queue_ttl_s: policy.queue_ttl_s }) };
  const { retry, queue_ttl_s, soft_timeout_ms, ...place } = policy;
  // What a script asks of its place is its version's.
  return { ...common, tag, retry, queue_ttl_s, soft_timeout_ms, ...(kind === "inline" && place) };
}

function argsOf({ args }: StoredJob): Record<string, unknown> {
  return objectIn(args);
}

/** Numbers keep their digits. */
function objectIn(text: string): Record<string, unknown> {
  const value = parseExactJson(text);
  return typeof value === "object" && value !== null ? { ...value } : {};
}
