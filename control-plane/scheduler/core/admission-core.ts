import type { LimitSpec } from "./limit-model.ts";
import { limitOf, permitsLeft } from "./limits-core.ts";
import type { Limit, RunningJob, WaitingJob } from "./model.ts";
import { headOf } from "./ready-core.ts";
import type { SchedulerState } from "./state-core.ts";

/** What becomes of a new job because of its limits' strategies. */
export type Admission =
  | { readonly kind: "accept" }
  /** It ends at once: `fail` as failed, `cancel_newest` as cancelled. */
  | { readonly kind: "refuse"; readonly spec: LimitSpec }
  /** It is accepted, and others of the key are cancelled for it. */
  | { readonly kind: "replace"; readonly spec: LimitSpec; readonly running: readonly RunningJob[]; readonly waiting: readonly WaitingJob[] };

const ACCEPT: Admission = { kind: "accept" };

/**
 * Decides over a new job, once, when it comes. A limit is reached when the jobs that hold or wait for its permits are as many as it has.
 * With `cancel_oldest` those that are ending already do not count: their places will be free.
 * @param arriving jobs of a limit whose insert is under way, oldest first: they wait, and are not in memory yet
 */
export function admit(state: SchedulerState, job: WaitingJob, nowMs: number, arriving: (limit: Limit) => Iterable<WaitingJob>): Admission {
  let admission = ACCEPT;
  for (const spec of job.limits?.specs ?? []) {
    if (spec.strategy === "queue" || !state.limits.has(spec.id)) continue;
    const limit = limitOf(state, job.workspace, spec, job.id, nowMs);
    if (spec.strategy !== "cancel_oldest") {
      if (permitsLeft(limit, nowMs) - limit.waiting <= 0) return { kind: "refuse", spec };
    } else if (admission.kind === "accept") admission = replace(state, limit, spec, nowMs, arriving);
  }
  return admission;
}

function replace(state: SchedulerState, limit: Limit, spec: LimitSpec, nowMs: number, arriving: (limit: Limit) => Iterable<WaitingJob>): Admission {
  const staying = [...limit.holders].filter((running) => running.phase !== "ending" && running.cancel === undefined);
  const places = limit.spec.kind === "running" ? limit.spec.max - staying.length : permitsLeft(limit, nowMs);
  let excess = limit.waiting - places + 1;
  if (excess <= 0) return ACCEPT;
  const running = staying.slice(0, excess);
  excess -= running.length;
  const waiting = excess > 0 ? oldestWaiting(state, limit, arriving(limit), excess) : [];
  return running.length + waiting.length === 0 ? ACCEPT : { kind: "replace", spec, running, waiting };
}

/** Heads of the limit's groups, and those that are being inserted. Jobs deeper in memory or only in the database are left alone. */
function oldestWaiting(state: SchedulerState, limit: Limit, arriving: Iterable<WaitingJob>, count: number): WaitingJob[] {
  const heads = [...limit.queues].flatMap((queue) => headOf(state, queue) ?? []);
  return [...heads, ...arriving].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, count);
}
