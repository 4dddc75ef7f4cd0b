import type { WaitReason } from "../scheduler/core/wait-reason.ts";
import type { AttemptRecord } from "./attempt-store.ts";
import type { AttemptView, JobView } from "./contract.ts";
import type { DoneRecord, JobRecord } from "./job-store.ts";
import { policyRequestOf, restartOf, stepOf } from "./policy-codec.ts";

/** A job waits for a moment: the one that it was scheduled for, or that of its next attempt. */
export interface DeferredReason {
  readonly code: "scheduled" | "retry";
  readonly opensInMs: number;
  readonly message: string;
}

/** Highest priority outside is 9, inside it is the lowest number. */
export const toPrio = (priority: number): number => 9 - priority;

/** A job as the API shows it. @param waitReason why it waits, for a queued one */
export function presentJob(workspace: string, job: JobRecord, waitReason: WaitReason | DeferredReason | undefined): JobView {
  const { done } = job;
  return {
    id: job.id,
    workspace,
    kind: job.kind,
    ...(job.kind === "step" && job.policyText !== undefined && presentStep(job.policyText)),
    ...(job.policyText !== undefined && presentRestart(job.policyText)),
    ...(job.scriptPath !== undefined && { script: job.scriptPath }),
    ...(job.flowPath !== undefined && { flow: job.flowPath }),
    ...(job.scriptHash !== undefined && { hash: job.scriptHash }),
    language: job.language,
    tag: job.tag,
    priority: 9 - job.prio,
    status: job.status,
    ...(waitReason !== undefined && { wait_reason: waitReason.message, wait_detail: presentWait(waitReason) }),
    attempt: job.attempt,
    ...(job.agentName !== undefined && { agent: job.agentName }),
    ...(done !== undefined && { exit: presentExit(done) }),
    ...(job.policyText !== undefined && policyRequestOf(job.policyText)),
    ...(job.scheduledForMs !== undefined && { scheduled_for: iso(job.scheduledForMs) }),
    ...(job.deferredUntilMs !== undefined && done === undefined && { next_attempt_at: iso(job.deferredUntilMs) }),
    created_by: job.createdBy,
    created_at: iso(job.createdAtMs),
    ...(job.startedAtMs !== undefined && { started_at: iso(job.startedAtMs), wait_ms: round(job.startedAtMs - (job.scheduledForMs ?? job.createdAtMs)) }),
    ...(job.progress !== undefined && { progress: job.progress }),
    ...(done !== undefined && { finished_at: iso(done.doneAtMs), log_bytes: done.logBytes }),
    ...(done?.runUs !== undefined && { run_ms: round(done.runUs / 1000) }),
    ...(done !== undefined && done.logDroppedBytes > 0 && { log_dropped_bytes: done.logDroppedBytes }),
  };
}

function presentStep(policyText: string): Pick<JobView, "parent" | "root" | "step"> {
  const step = stepOf(policyText);
  return step === undefined ? {} : { parent: step.id, root: step.root, step: step.place };
}

function presentRestart(policyText: string): Pick<JobView, "restarted_from"> {
  const restart = restartOf(policyText);
  return restart === undefined ? {} : { restarted_from: { job: restart.id, ...(restart.step !== "" && { step: restart.step }) } };
}

function presentWait(reason: WaitReason | DeferredReason): NonNullable<JobView["wait_detail"]> {
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
    case "scheduled":
    case "retry":
      return { code, opens_in_ms: reason.opensInMs };
    case "turn":
      return { code, waiting: reason.waiting };
    default:
      return { code };
  }
}

/** Why a job that waits for a moment waits; undefined for any other, and when the moment has come. */
export function deferredReason(job: JobRecord, nowMs: number): DeferredReason | undefined {
  if (job.deferredUntilMs === undefined || job.deferredUntilMs <= nowMs) return undefined;
  const at = iso(job.deferredUntilMs);
  const opensInMs = Math.ceil(job.deferredUntilMs - nowMs);
  if (job.attempt === 0) return { code: "scheduled", opensInMs, message: `scheduled for ${at}` };
  return { code: "retry", opensInMs, message: `attempt ${job.attempt} failed, the next one begins at ${at}` };
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
