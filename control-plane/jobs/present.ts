import type { JobView } from "./contract.ts";
import type { JobRecord } from "./job-store.ts";

/** Highest priority outside is 9, inside it is the lowest number. */
export const toPrio = (priority: number): number => 9 - priority;

/** A job as the API shows it. @param waitReason why it waits, for a queued one */
export function presentJob(workspace: string, job: JobRecord, waitReason: string | undefined): JobView {
  const { done } = job;
  return {
    id: job.id,
    workspace,
    kind: job.kind,
    ...(job.scriptPath !== undefined && { script: job.scriptPath }),
    ...(job.scriptHash !== undefined && { hash: job.scriptHash }),
    language: job.language,
    tag: job.tag,
    priority: 9 - job.prio,
    status: job.status,
    ...(waitReason !== undefined && { wait_reason: waitReason }),
    attempt: job.attempt,
    ...(job.agentName !== undefined && { agent: job.agentName }),
    ...(done !== undefined && { exit: presentExit(done) }),
    created_by: job.createdBy,
    created_at: iso(job.createdAtMs),
    ...(job.startedAtMs !== undefined && { started_at: iso(job.startedAtMs), wait_ms: round(job.startedAtMs - job.createdAtMs) }),
    ...(done !== undefined && { finished_at: iso(done.doneAtMs), log_bytes: done.logBytes }),
    ...(done?.runUs !== undefined && { run_ms: round(done.runUs / 1000) }),
    ...(done !== undefined && done.logDroppedBytes > 0 && { log_dropped_bytes: done.logDroppedBytes }),
  };
}

function presentExit(done: NonNullable<JobRecord["done"]>): NonNullable<JobView["exit"]> {
  return {
    reason: done.reason,
    ...(done.reason === "exit_code" && { code: done.code }),
    ...(done.signal !== undefined && { signal: done.signal }),
    ...(done.message !== undefined && done.message !== "" && { message: done.message }),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const round = (ms: number): number => Math.max(0, Math.round(ms * 10) / 10);
