import type { AttemptRecord } from "./attempt-store.ts";
import type { AttemptView, JobView } from "./contract.ts";
import type { DoneRecord, JobRecord } from "./job-store.ts";
import { policyRequestOf } from "./policy-codec.ts";

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
    ...(job.policyText !== undefined && policyRequestOf(job.policyText)),
    ...(job.scheduledForMs !== undefined && { scheduled_for: iso(job.scheduledForMs) }),
    ...(job.deferredUntilMs !== undefined && done === undefined && { next_attempt_at: iso(job.deferredUntilMs) }),
    created_by: job.createdBy,
    created_at: iso(job.createdAtMs),
    ...(job.startedAtMs !== undefined && { started_at: iso(job.startedAtMs), wait_ms: round(job.startedAtMs - (job.scheduledForMs ?? job.createdAtMs)) }),
    ...(done !== undefined && { finished_at: iso(done.doneAtMs), log_bytes: done.logBytes }),
    ...(done?.runUs !== undefined && { run_ms: round(done.runUs / 1000) }),
    ...(done !== undefined && done.logDroppedBytes > 0 && { log_dropped_bytes: done.logDroppedBytes }),
  };
}

/** Why a job that waits for a moment waits; undefined for any other, and when the moment has come. */
export function deferredReason(job: JobRecord, nowMs: number): string | undefined {
  if (job.deferredUntilMs === undefined || job.deferredUntilMs <= nowMs) return undefined;
  const at = iso(job.deferredUntilMs);
  return job.attempt === 0 ? `scheduled for ${at}` : `attempt ${job.attempt} failed, the next one begins at ${at}`;
}

/** Attempts in their order: those that ended before, and the current or last one. */
export function presentAttempts(job: JobRecord, view: JobView, earlier: readonly AttemptRecord[]): AttemptView[] {
  const before = earlier.map((attempt) => ({
    attempt: attempt.attempt,
    ...(attempt.agentName !== undefined && { agent: attempt.agentName }),
    exit: presentExit(attempt),
    ...(attempt.startedAtMs !== undefined && { started_at: iso(attempt.startedAtMs) }),
    finished_at: iso(attempt.doneAtMs),
    ...(attempt.runUs !== undefined && { run_ms: round(attempt.runUs / 1000) }),
  }));
  if (job.status === "queued" || job.agent === undefined) return before;
  const { attempt, agent, exit, started_at, finished_at, run_ms } = view;
  return [
    ...before,
    {
      attempt,
      ...(agent !== undefined && { agent }),
      ...(exit !== undefined && { exit }),
      ...(started_at !== undefined && { started_at }),
      ...(finished_at !== undefined && { finished_at }),
      ...(run_ms !== undefined && { run_ms }),
    },
  ];
}

function presentExit(done: Pick<DoneRecord, "reason" | "code" | "signal" | "message">): NonNullable<JobView["exit"]> {
  return {
    reason: done.reason,
    ...(done.reason === "exit_code" && { code: done.code }),
    ...(done.signal !== undefined && { signal: done.signal }),
    ...(done.message !== undefined && done.message !== "" && { message: done.message }),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const round = (ms: number): number => Math.max(0, Math.round(ms * 10) / 10);
