import { AppError } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { NewJob, Submit } from "../jobs/model.ts";
import { type Cancels, type EarlyEnd, earlyEnd } from "./cancels.ts";
import { type Admission, admit, type Victims } from "./core/admission-core.ts";
import type { LimitSpec } from "./core/limit-model.ts";
import type { WaitingJob } from "./core/model.ts";
import { groupOf, type SchedulerState, shareOfJob } from "./core/state-core.ts";
import type { Endings } from "./endings.ts";
import type { OwnerDeps } from "./owner-deps.ts";

const NOBODY: readonly Victims[] = [];
/** Groups of one workspace on one route that may wait. Each is a few hundred bytes of memory, and keys are free text. */
const MAX_GROUPS = 100_000;

/**
 * New jobs with limits whose strategy is not to queue: some end at once, some cancel others. A job that is to be cancelled while its own insert
 * is still under way is cancelled after that. Over a job that waits for its moment is decided when that has come.
 */
export class Admissions {
  readonly #deps: OwnerDeps;
  readonly #cancels: Cancels;
  readonly #endings: Endings;
  /** Jobs whose insert is under way, by the ids of their limits. */
  readonly #arriving = new Map<string, Set<WaitingJob>>();
  /** Those of them that are to be cancelled then, and why. */
  readonly #doomed = new WeakMap<WaitingJob, string>();

  constructor(deps: OwnerDeps, cancels: Cancels, endings: Endings) {
    this.#deps = deps;
    this.#cancels = cancels;
    this.#endings = endings;
  }

  /**
   * Decides over a new job. @returns undefined when it ends at once: then one of the callbacks is called after its commit; otherwise those who
   * are to be cancelled for it, once it is under way itself
   */
  take(made: NewJob, settled: () => void, failed: (error: unknown) => void, submit: Submit): readonly Victims[] | undefined {
    const { job } = made;
    if (job.limits === undefined) return NOBODY;
    if (hasTooManyGroups(this.#deps.state, job)) {
      failed(new AppError("resource_exhausted", `jobs with ${MAX_GROUPS} different limit keys wait already`, { retryAfterS: 10 }));
      return undefined;
    }
    const admission = this.#admit(job, 0);
    if (admission.kind === "accept") return admission.victims;
    this.#refuse(made, admission.spec, settled, failed, submit);
    return undefined;
  }

  /**
   * Decides over a job whose moment has come; its row is there already. One that was tried before was decided over before.
   * @returns as take
   */
  ready(job: WaitingJob): readonly Victims[] | undefined {
    if (job.limits === undefined || job.attempt > 0 || this.#deps.state.waiting.has(job.id)) return NOBODY;
    // Late when nobody owned the shard at its moment.
    const admission = this.#admit(job, Math.max(0, this.#deps.clock.wallMs() - job.dueAtMs));
    if (admission.kind === "accept") return admission.victims;
    const { why, message } = refusal(admission.spec);
    background(this.#deps.log, "end of a refused job", this.#cancels.endWaiting(job, why, message));
    return undefined;
  }

  #admit(job: WaitingJob, agoMs: number): Admission {
    const nowMs = this.#deps.clock.monotonicMs();
    return admit(this.#deps.state, job, nowMs, (limit) => this.#arriving.get(limit.id) ?? [], nowMs - agoMs);
  }

  /** Cancels those whose place a new job takes. */
  replace(job: WaitingJob, victims: readonly Victims[]): void {
    for (const { spec, running, waiting } of victims) {
      const reason = `replaced by job ${job.id}: ${reachedText(spec)}`;
      for (const entry of running) this.#cancel(entry.job, reason);
      for (const entry of waiting) {
        if (this.#isArriving(entry)) this.#doom(entry, reason);
        else this.#cancel(entry, reason);
      }
    }
  }

  /** The insert of an accepted job as a waiting one begins. */
  begin(job: WaitingJob): void {
    for (const id of limitsOf(job)) {
      const jobs = this.#arriving.get(id) ?? new Set();
      this.#arriving.set(id, jobs);
      jobs.add(job);
    }
  }

  /** The insert has ended, one way or the other. */
  end(job: WaitingJob): void {
    for (const id of limitsOf(job)) {
      const jobs = this.#arriving.get(id);
      jobs?.delete(job);
      if (jobs?.size === 0) this.#arriving.delete(id);
    }
    const reason = this.#doomed.get(job);
    if (reason !== undefined) this.#cancel(job, reason);
  }

  #cancel(job: WaitingJob, reason: string): void {
    background(this.#deps.log, "cancel of a replaced job", this.#cancels.cancel(job, reason));
  }

  #refuse({ job, payload, special }: NewJob, spec: LimitSpec, settled: () => void, failed: (error: unknown) => void, submit: Submit): void {
    const { why, message } = refusal(spec);
    const { exit, resultJson } = earlyEnd(why, message);
    submit(
      { kind: "refuse", job, payload, special, doneAtMs: this.#deps.clock.wallMs(), exit, resultJson },
      () => {
        this.#endings.announce(job.workspace, job.id, exit);
        settled();
      },
      failed,
    );
  }

  /** It counts as cancelled from now on: the next new job picks another one. */
  #doom(job: WaitingJob, reason: string): void {
    this.#doomed.set(job, reason);
    for (const id of limitsOf(job)) this.#arriving.get(id)?.delete(job);
  }

  #isArriving(job: WaitingJob): boolean {
    return limitsOf(job).some((id) => this.#arriving.get(id)?.has(job) === true);
  }
}

function hasTooManyGroups(state: SchedulerState, job: WaitingJob): boolean {
  const queues = shareOfJob(state, job).queues;
  return queues.size >= MAX_GROUPS && !queues.has(groupOf(job));
}

/** Whatever they say themselves, a new job with another strategy may cancel older ones. */
function limitsOf(job: WaitingJob): string[] {
  return (job.limits?.specs ?? []).map((spec) => spec.id);
}

function refusal(spec: LimitSpec): { why: EarlyEnd; message: string } {
  return { why: spec.strategy === "fail" ? "limit_reached" : "cancelled", message: reachedText(spec) };
}

function reachedText(spec: LimitSpec): string {
  if (spec.kind === "debounce") return `debounce of key ${spec.key}`;
  const limit = spec.kind === "running" ? `${spec.max} running jobs` : `${spec.starts} starts in ${spec.windowMs / 1000} s`;
  return `the limit of ${limit} for key ${spec.key} is reached`;
}
