import type { WaitReason } from "../scheduler/core/wait-reason.ts";
import type { JobView } from "./contract.ts";
import type { JobRecord } from "./job-store.ts";

/** Highest priority outside is 9, inside it is the lowest number. */
export const toPrio = (priority: number): number => 9 - priority;

/** A job as the API shows it. @param waitReason why it waits, for a queued one */
export function presentJob(workspace: string, job: JobRecord, waitReason: WaitReason | undefined): JobView {
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
    ...(waitReason !== undefined && { wait_reason: waitReason.message, wait_detail: presentWait(waitReason) }),
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

function presentWait(reason: WaitReason): NonNullable<JobView["wait_detail"]> {
  const { code } = reason;
  switch (code) {
    case "slots_busy":
      return { code, slots: reason.slots };
    case "concurrency":
      return { code, key: reason.key, limit: reason.limit, running: reason.running };
    case "workspace_cap":
      return { code, limit: reason.limit, running: reason.running };
    case "rate":
      return { code, key: reason.key, starts: reason.starts, per_s: reason.windowMs / 1000, opens_in_ms: reason.opensInMs };
    case "debounce":
      return { code, key: reason.key, opens_in_ms: reason.opensInMs };
    case "turn":
      return { code, waiting: reason.waiting };
    default:
      return { code };
  }
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
