import { AppError } from "../../kernel/app-error.ts";
import type { JobPayload, NewJob, Submit, Write } from "../jobs/model.ts";
import type { Admissions } from "./admissions.ts";
import { abandonClaim, isNext, offerJob } from "./core/dispatch-core.ts";
import type { RunningJob, WaitingJob } from "./core/model.ts";
import { admitWaiting, reserveWaiting, unreserveWaiting } from "./core/queue-core.ts";
import type { Endings } from "./endings.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import type { PayloadCache } from "./payloads.ts";
import type { QueueChanges } from "./queue-changes.ts";
import type { OwnerTimers } from "./timers.ts";
import { windowRecords } from "./window-records.ts";

/** What the way of a new job touches of its owner. */
export interface ArrivalParts {
  readonly admissions: Admissions;
  readonly endings: Endings;
  readonly timers: OwnerTimers;
  readonly payloads: PayloadCache;
  readonly changes: QueueChanges;
  /** The commit that made the job running is known. */
  readonly claimed: (running: RunningJob, payload: JobPayload) => void;
  /** Takes the write of a flow's job along with what the flow does first, see FlowRunner. */
  readonly takesBegin: (running: RunningJob, payload: JobPayload, write: Write) => boolean;
  readonly wake: () => void;
}

interface Arrival {
  readonly made: NewJob;
  readonly settled: () => void;
  readonly failed: (error: unknown) => void;
  /** The way to the writer. */
  readonly submit: Submit;
}

interface Held extends Arrival {
  readonly untilMs: number;
}

/** How long a job whose turn it is waits in memory for a slot, and how recently one must have become free for that to make sense. */
const HOLD_MS = 10;
const FREED_WITHIN_MS = 5;
const MAX_HELD = 64;

/**
 * The way of new jobs into the tables. A job that can be assigned at once is inserted as a running one; all others are inserted as waiting ones
 * and claimed later, with a second commit. While slots become free all the time and the next one would be for the new job, since its workspace
 * uses less than those that wait, it is held back for a moment: so a small workspace beside a flood pays one commit and not two. Nobody has been
 * told yet that it was accepted.
 */
export class Arrivals {
  readonly #deps: OwnerDeps;
  readonly #parts: ArrivalParts;
  readonly #submit: Submit;
  #held: Held[] = [];
  /** Of jobs that were assigned at once. */
  readonly #toAnswer: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #freedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: OwnerDeps, parts: ArrivalParts) {
    this.#deps = deps;
    this.#parts = parts;
    this.#submit = (operation, settle, fail) => deps.writer.submit(operation, settle, fail);
  }

  /**
   * Takes a new job: exactly one of the callbacks is called, after its commit or when there will be none.
   * @param together takes the operation instead of the writer, before this returns: it is to go along with others
   */
  accept(made: NewJob, settled: () => void, failed: (error: unknown) => void, together?: Submit): void {
    const arrival = { made, settled, failed, submit: together ?? this.#submit };
    // The limits of a job that waits for its moment have their say then.
    if (made.special?.scheduledForMs !== undefined) {
      this.#insertDeferred(arrival);
      return;
    }
    const victims = this.#parts.admissions.take(made, settled, failed, arrival.submit);
    if (victims === undefined) return;
    const nowMs = this.#deps.clock.monotonicMs();
    // One with limits must be known to whoever comes after it: what is held is in no count.
    if ((made.job.limits !== undefined || together !== undefined) && this.#isBehindHeld(made.job)) this.release();
    if (this.#isBehindHeld(made.job)) this.#hold(arrival, nowMs);
    else if (!this.#offer(arrival, nowMs)) {
      if (together === undefined && this.#mayHold(made.job, nowMs)) this.#hold(arrival, nowMs);
      else this.#insertPending(arrival);
    }
    this.#parts.admissions.replace(made.job, victims);
  }

  slotFreed(): void {
    this.#freedAtMs = this.#deps.clock.monotonicMs();
  }

  /** Before waiting jobs are looked at: slots may have become free. */
  round(nowMs: number): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    for (const arrival of held) {
      if (this.#offer(arrival, nowMs)) continue;
      if (nowMs < arrival.untilMs && isNext(this.#deps.state, arrival.made.job, nowMs)) this.#held.push(arrival);
      else this.#insertPending(arrival);
    }
    if (this.#held.length > 0) this.#arm();
  }

  /** Holds nothing back any longer: the shards may be about to leave. */
  release(): void {
    for (const arrival of this.#held.splice(0)) this.#insertPending(arrival);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const { failed } of this.#held.splice(0)) failed(new AppError("unavailable", "the control plane is shutting down", { retryAfterS: 1 }));
  }

  #offer(arrival: Arrival, nowMs: number): boolean {
    const assignment = offerJob(this.#deps.state, arrival.made.job, nowMs);
    if (assignment !== undefined) this.#insertRunning(assignment.running, arrival);
    return assignment !== undefined;
  }

  /** Jobs of one workspace keep their order. */
  #isBehindHeld({ workspace, tag, language }: WaitingJob): boolean {
    return this.#held.some(({ made: { job } }) => job.workspace === workspace && job.tag === tag && job.language === language);
  }

  #mayHold(job: WaitingJob, nowMs: number): boolean {
    return job.limits === undefined && nowMs - this.#freedAtMs <= FREED_WITHIN_MS && isNext(this.#deps.state, job, nowMs);
  }

  #hold(arrival: Arrival, nowMs: number): void {
    this.#held.push({ ...arrival, untilMs: nowMs + HOLD_MS });
    if (this.#held.length > MAX_HELD) this.release();
    else this.#arm();
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#parts.wake();
    }, HOLD_MS);
  }

  #insertDeferred({ made: { job, payload, special }, settled, failed, submit }: Arrival): void {
    const { changes, timers } = this.#parts;
    changes.arriving(job.id);
    timers.arriving(job.id);
    submit(
      { kind: "insert", job, payload, direct: undefined, special },
      () => {
        if (changes.arrived(job.id)) {
          timers.defer(job);
          if (special?.expiresAtMs !== undefined) timers.expire(job, special.expiresAtMs);
        }
        settled();
      },
      (error) => {
        changes.arrived(job.id);
        timers.forget(job.id);
        failed(error);
      },
    );
  }

  #insertPending({ made, settled, failed, submit }: Arrival): void {
    const { job, payload, special } = made;
    const { admissions, changes, wake } = this.#parts;
    const { state } = this.#deps;
    reserveWaiting(state, job);
    changes.arriving(job.id);
    admissions.begin(job);
    submit(
      { kind: "insert", job, payload, direct: undefined, special },
      () => {
        if (changes.arrived(job.id)) this.#arrived(made);
        else unreserveWaiting(state, job);
        admissions.end(job);
        wake();
        settled();
      },
      (error) => {
        changes.arrived(job.id);
        admissions.end(job);
        unreserveWaiting(state, job);
        failed(error);
      },
    );
  }

  #insertRunning(running: RunningJob, { made: { payload, special }, settled, failed, submit }: Arrival): void {
    const { claimed, endings, takesBegin, wake } = this.#parts;
    const direct = { token: running.token, agent: running.agent };
    const write: Write = {
      operation: { kind: "insert", job: running.job, payload, direct, special, windows: windowRecords(this.#deps, running) },
      settle: () => {
        claimed(running, payload);
        this.#answerLater(settled);
      },
      fail: (error) => {
        abandonClaim(this.#deps.state, running);
        endings.settle(running, error);
        wake();
        failed(error);
      },
    };
    // What goes along with others already is theirs.
    if (submit !== this.#submit || !takesBegin(running, payload, write)) submit(write.operation, write.settle, write.fail);
  }

  /** The frame leaves in the next phase of the event loop: first the agent, then whoever asked. To write the answer takes longer than the frame. */
  #answerLater(settled: () => void): void {
    if (this.#toAnswer.push(settled) > 1) return;
    setImmediate(() => {
      for (const answer of this.#toAnswer.splice(0)) answer();
    });
  }

  /** The row of a new job is committed, and it stands in its queue. */
  #arrived({ job, payload, special }: NewJob): void {
    if (!this.#deps.state.running.has(job.id)) this.#parts.payloads.keep(job.id, payload);
    admitWaiting(this.#deps.state, job);
    if (special?.expiresAtMs !== undefined) this.#parts.timers.expire(job, special.expiresAtMs);
  }
}
