import { AppError } from "../../kernel/app-error.ts";
import { type Exit, errorResult, exitOf } from "../../kernel/exit.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { JobPayload } from "../jobs/model.ts";
import { admit, type Victims } from "./core/admission-core.ts";
import type { LimitSpec } from "./core/limit-model.ts";
import type { RunningJob, WaitingJob } from "./core/model.ts";
import { groupOf, type SchedulerState, shareOfJob } from "./core/state-core.ts";
import type { OwnerDeps } from "./owner-deps.ts";

const NOBODY: readonly Victims[] = [];
/** Groups of one workspace on one route that may wait. Each is a few hundred bytes of memory, and keys are free text. */
const MAX_GROUPS = 100_000;

/** What admissions ask of the owner. */
export interface AdmissionActions {
  cancelRunning(running: RunningJob, reason: string): void;
  cancelWaiting(job: WaitingJob, reason: string): void;
  announce(job: WaitingJob, exit: Exit): void;
}

/**
 * New jobs with limits whose strategy is not to queue: some end at once, some cancel others. A job that is to be cancelled while its own insert
 * is still under way is cancelled after that.
 */
export class Admissions {
  readonly #deps: OwnerDeps;
  readonly #actions: AdmissionActions;
  /** Jobs whose insert is under way, by the ids of those of their limits that may cancel them. */
  readonly #arriving = new Map<string, Set<WaitingJob>>();
  readonly #doomed = new Map<JobId, string>();

  constructor(deps: OwnerDeps, actions: AdmissionActions) {
    this.#deps = deps;
    this.#actions = actions;
  }

  /**
   * Decides over a new job. @returns undefined when it ends at once: then one of the callbacks is called after its commit; otherwise those who
   * are to be cancelled for it, once it is under way itself
   */
  take(job: WaitingJob, payload: JobPayload, settled: () => void, failed: (error: unknown) => void): readonly Victims[] | undefined {
    if (job.limits === undefined) return NOBODY;
    if (hasTooManyGroups(this.#deps.state, job)) {
      failed(new AppError("resource_exhausted", `jobs with ${MAX_GROUPS} different limit keys wait already`, { retryAfterS: 10 }));
      return undefined;
    }
    const { state, clock } = this.#deps;
    const admission = admit(state, job, clock.monotonicMs(), (limit) => this.#arriving.get(limit.id) ?? []);
    if (admission.kind === "refuse") {
      this.#refuse(job, payload, admission.spec, settled, failed);
      return undefined;
    }
    return admission.victims;
  }

  /** Cancels those whose place a new job takes. */
  replace(job: WaitingJob, victims: readonly Victims[]): void {
    for (const { spec, running, waiting } of victims) {
      const reason = `replaced by job ${job.id}: ${spec.kind === "debounce" ? `debounce of key ${spec.key}` : `${limitText(spec)} is reached`}`;
      for (const entry of running) this.#actions.cancelRunning(entry, reason);
      for (const entry of waiting) {
        if (this.#isArriving(entry)) this.#doom(entry, reason);
        else this.#actions.cancelWaiting(entry, reason);
      }
    }
  }

  /** The insert of an accepted job as a waiting one begins. */
  begin(job: WaitingJob): void {
    for (const id of replaceable(job)) {
      const jobs = this.#arriving.get(id) ?? new Set();
      this.#arriving.set(id, jobs);
      jobs.add(job);
    }
  }

  /** The insert has ended, one way or the other. */
  end(job: WaitingJob): void {
    for (const id of replaceable(job)) {
      const jobs = this.#arriving.get(id);
      jobs?.delete(job);
      if (jobs?.size === 0) this.#arriving.delete(id);
    }
    const reason = this.#doomed.get(job.id);
    if (reason === undefined) return;
    this.#doomed.delete(job.id);
    this.#actions.cancelWaiting(job, reason);
  }

  #refuse(job: WaitingJob, payload: JobPayload, spec: LimitSpec, settled: () => void, failed: (error: unknown) => void): void {
    const message = `${limitText(spec)} is reached`;
    const exit = spec.strategy === "fail" ? exitOf("limit_reached", message) : exitOf("cancelled", message);
    const resultJson = errorResult(spec.strategy === "fail" ? "LimitReached" : "Canceled", message);
    this.#deps.writer.submit(
      { kind: "refuse", job, payload, doneAtMs: this.#deps.clock.wallMs(), exit, resultJson },
      () => {
        this.#actions.announce(job, exit);
        settled();
      },
      failed,
    );
  }

  /** It counts as cancelled from now on: the next new job picks another one. */
  #doom(job: WaitingJob, reason: string): void {
    this.#doomed.set(job.id, reason);
    for (const id of replaceable(job)) this.#arriving.get(id)?.delete(job);
  }

  #isArriving(job: WaitingJob): boolean {
    return replaceable(job).some((id) => this.#arriving.get(id)?.has(job) === true);
  }
}

function hasTooManyGroups(state: SchedulerState, job: WaitingJob): boolean {
  const queues = shareOfJob(state, job).queues;
  return queues.size >= MAX_GROUPS && !queues.has(groupOf(job));
}

/** Limits whose new jobs may cancel older ones. */
function replaceable(job: WaitingJob): string[] {
  return (job.limits?.specs ?? []).filter((spec) => spec.kind === "debounce" || spec.strategy === "cancel_oldest").map((spec) => spec.id);
}

function limitText(spec: LimitSpec): string {
  if (spec.kind === "running") return `the limit of ${spec.max} running jobs for key ${spec.key}`;
  if (spec.kind === "debounce") return `the debounce of key ${spec.key}`;
  return `the limit of ${spec.starts} starts in ${spec.windowMs / 1000} s for key ${spec.key}`;
}
