import type { LimitSpec } from "./limit-model.ts";
import { limitOf, permitsLeft, prolong } from "./limits-core.ts";
import type { Limit, RunningJob, WaitingJob } from "./model.ts";
import { headOf } from "./ready-core.ts";
import type { SchedulerState } from "./state-core.ts";

/** What becomes of a new job because of its limits' strategies and its debounce. */
export type Admission =
  /** It ends at once: `fail` as failed, `cancel_newest` as cancelled. */
  | { readonly kind: "refuse"; readonly spec: LimitSpec }
  /** It is accepted, and these are cancelled for it. */
  | { readonly kind: "accept"; readonly victims: readonly Victims[] };

export interface Victims {
  readonly spec: LimitSpec;
  readonly running: readonly RunningJob[];
  readonly waiting: readonly WaitingJob[];
}

/** Jobs of a limit whose insert is under way, oldest first: they wait, and are not in memory yet. */
type Arriving = (limit: Limit) => Iterable<WaitingJob>;

/**
 * Decides over a new job, once, when it comes. A limit is reached when the jobs that hold or wait for its permits are as many as it has.
 * With `cancel_oldest` those that are ending already do not count: their places will be free.
 * @param sinceMs when it came, for one of which that was noticed late
 */
export function admit(state: SchedulerState, job: WaitingJob, nowMs: number, arriving: Arriving, sinceMs = nowMs): Admission {
  const specs = job.limits?.specs ?? [];
  for (const spec of specs) {
    if ((spec.strategy !== "fail" && spec.strategy !== "cancel_newest") || !state.limits.has(spec.id)) continue;
    const limit = limitOf(state, job.workspace, spec, job.id, nowMs);
    if (permitsLeft(limit, nowMs) - limit.waiting <= 0) return { kind: "refuse", spec };
  }
  const victims: Victims[] = [];
  for (const spec of specs) {
    if (spec.kind !== "debounce" && spec.strategy !== "cancel_oldest") continue;
    const limit = limitOf(state, job.workspace, spec, job.id, nowMs);
    if (spec.kind === "debounce") {
      prolong(limit, sinceMs);
      victims.push({ spec, running: [], waiting: waitingOf(state, limit, arriving(limit)).filter((entry) => entry.attempt === 0) });
    } else victims.push(oldest(state, limit, spec, nowMs, arriving));
  }
  return { kind: "accept", victims };
}

function oldest(state: SchedulerState, limit: Limit, spec: LimitSpec, nowMs: number, arriving: Arriving): Victims {
  const staying = [...limit.holders].filter((running) => running.phase !== "ending" && running.cancel === undefined);
  const places = limit.spec.kind === "running" ? limit.spec.max - staying.length : permitsLeft(limit, nowMs);
  const excess = limit.waiting - places + 1;
  const running = staying.slice(0, Math.max(0, excess));
  const rest = excess - running.length;
  return { spec, running, waiting: rest > 0 ? waitingOf(state, limit, arriving(limit)).slice(0, rest) : [] };
}

/** Heads of the limit's groups, and those that are being inserted, oldest first. Jobs deeper in memory or only in the database are left alone. */
function waitingOf(state: SchedulerState, limit: Limit, arriving: Iterable<WaitingJob>): WaitingJob[] {
  const heads = [...limit.queues].flatMap((queue) => headOf(state, queue) ?? []);
  return [...heads, ...arriving].sort((a, b) => (a.id < b.id ? -1 : 1));
}
