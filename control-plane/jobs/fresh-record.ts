import { timeOfId } from "../../kernel/ids.ts";
import type { JobRecord } from "./job-store.ts";
import type { NewJob } from "./model.ts";

/** A job as it is right after it was accepted: said from memory, since reading it back would double the time of a request. */
export function freshRecord({ job, payload, special }: NewJob, scriptPath: string | undefined, flowPath: string | undefined): JobRecord {
  return {
    id: job.id,
    kind: payload.kind,
    scriptPath,
    flowPath,
    scriptHash: payload.scriptHash,
    language: job.language,
    tag: job.tag,
    prio: job.prio,
    group: job.limits?.group,
    createdBy: payload.createdBy,
    createdAtMs: timeOfId(job.id),
    status: "queued",
    attempt: 0,
    agent: undefined,
    agentName: undefined,
    startedAtMs: undefined,
    done: undefined,
    scheduledForMs: special?.scheduledForMs,
    deferredUntilMs: special?.scheduledForMs,
    policyText: job.policy?.text,
    progress: undefined,
  };
}
