import { background } from "../../kernel/background.ts";
import { ChurnMap } from "../../kernel/churn-map.ts";
import { type Exit, errorResult, exitOf } from "../../kernel/exit.ts";
import type { JobId } from "../../kernel/ids.ts";
import { storable } from "../../kernel/storable-text.ts";
import type { JobRef, Submit } from "../jobs/model.ts";
import { FLOW_AGENT } from "./core/flow-agent.ts";
import type { RunningJob } from "./core/model.ts";
import type { Stray } from "./core/pinned-core.ts";
import { beginLeaving, endLeaving } from "./core/queue-core.ts";
import type { Endings } from "./endings.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** cancelled: it waited, and has ended · cancelling: the attempt was told, and ends in any case · gone: no owner has it any more */
export type CancelOutcome = "cancelled" | "cancelling" | "gone";

/** Ends of jobs of which no attempt was made, or none will be made any more. */
export type EarlyEnd = "cancelled" | "expired" | "limit_reached" | "folder_lost" | "runtime_missing";
const ERROR_NAMES: Readonly<Record<EarlyEnd, string>> = {
  cancelled: "Canceled",
  expired: "Expired",
  limit_reached: "LimitReached",
  folder_lost: "FolderLost",
  runtime_missing: "RuntimeMissing",
};

export interface CancelEvents {
  /** A job that waits is about to end. */
  readonly forget: (id: JobId) => void;
  /** The commit that ended it is known. */
  readonly ended: (id: JobId) => void;
  /** One that was about to end may wait again. */
  readonly wake: () => void;
  /** As in EndingsOwner. */
  readonly writeEnd: Submit;
  /** A flow that runs is to end. */
  readonly cancelFlow: (running: RunningJob) => void;
}

/**
 * Ends jobs early, wherever they are: waiting in memory or only in the database, deferred, being claimed, assigned, running, with an agent that
 * is away, on the way back into the queue. A request is answered when it is durable: a job that waits has ended then, a running attempt has a
 * note that the next owner finds. What the agent does not end is ended by the owner after the grace (`Owner.tick`).
 */
export class Cancels {
  readonly #deps: OwnerDeps;
  readonly #endings: Endings;
  readonly #events: CancelEvents;
  /** What becomes of the jobs whose ends are on the way. */
  readonly #ending = new ChurnMap<JobId, Promise<"cancelled" | "gone">>();

  constructor(deps: OwnerDeps, endings: Endings, events: CancelEvents) {
    this.#deps = deps;
    this.#endings = endings;
    this.#events = events;
  }

  /** Errors: unavailable when it cannot be written now; the attempt may have been told all the same. */
  async cancel(job: JobRef, why: string): Promise<CancelOutcome> {
    // The API has refused what cannot be stored; an older replica may not have.
    const reason = storable(why);
    for (;;) {
      const running = this.#running(job);
      if (running === undefined) {
        const waiting = this.#deps.state.waiting.get(job.id);
        if (waiting !== undefined && waiting.workspace !== job.workspace) return "gone";
        const outcome = await this.endWaiting(job, "cancelled", reason);
        // It may have come meanwhile: its insert was not committed when its row was looked for.
        if (outcome === "cancelled" || !this.#isHere(job)) return outcome;
        continue;
      }
      this.tell(running, reason);
      if (running.phase !== "claiming" && running.phase !== "ending") {
        await this.#deps.store.markCancelled(running.job, running.token, reason);
        return "cancelling";
      }
      // A write of it is under way, which decides where the job is; then it is looked for again.
      const wasClaiming = running.phase === "claiming";
      await this.#endings.settled(running);
      if (wasClaiming && running.phase === "ending") return this.#neverSent(running);
    }
  }

  /** It was claimed, and is ended as cancelled instead of being sent. */
  async #neverSent(running: RunningJob): Promise<CancelOutcome> {
    if (this.#deps.state.running.get(running.job.id) === running) await this.#endings.settled(running);
    return "cancelled";
  }

  #isHere(job: JobRef): boolean {
    return this.#running(job) !== undefined || this.#deps.state.waiting.has(job.id);
  }

  #running(job: JobRef): RunningJob | undefined {
    const running = this.#deps.state.running.get(job.id);
    return running?.job.workspace === job.workspace ? running : undefined;
  }

  /** Ends a job that waits. While another end of it is on the way that one is waited for: no two operations of a job are in flight together. */
  async endWaiting(job: JobRef, why: EarlyEnd, message: string): Promise<"cancelled" | "gone"> {
    for (let other = this.#ending.get(job.id); other !== undefined; other = this.#ending.get(job.id)) {
      if ((await other) === "cancelled") return "gone";
    }
    return this.#writeEnd(job, earlyEnd(why, message));
  }

  #writeEnd(job: JobRef, { exit, resultJson }: ReturnType<typeof earlyEnd>): Promise<"cancelled" | "gone"> {
    const { state, clock } = this.#deps;
    // The one in memory says more: whose step it is.
    const known = state.waiting.get(job.id) ?? job;
    const { promise, resolve, reject } = Promise.withResolvers<"cancelled" | "gone">();
    this.#ending.set(
      job.id,
      promise.catch(() => "gone" as const),
    );
    beginLeaving(state, job.id);
    this.#events.forget(job.id);
    const answered = (outcome: "ended" | "gone" | "failed"): void => {
      this.#ending.delete(job.id);
      endLeaving(state, job.id, outcome);
      this.#events.wake();
    };
    this.#events.writeEnd(
      { kind: "cancel", job: known, doneAtMs: clock.wallMs(), exit, resultJson },
      (outcome) => {
        answered(outcome === "moved" ? "ended" : "gone");
        if (outcome === "moved") {
          this.#events.ended(job.id);
          this.#endings.announce(job.workspace, job.id, exit);
        }
        resolve(outcome === "moved" ? "cancelled" : "gone");
      },
      (error) => {
        answered("failed");
        reject(error);
      },
    );
    return promise;
  }

  /** The queue TTL of a job is over. A job that has begun meanwhile is left alone. */
  expire(job: JobRef): void {
    if (this.#deps.state.running.has(job.id)) return;
    background(this.#deps.log, "end of an expired job", this.endWaiting(job, "expired", "no attempt began within the job's queue TTL"));
  }

  /** The one agent that could run it has gone, or cannot. */
  endStray({ job, reason, message }: Stray): void {
    background(this.#deps.log, "end of a step without its agent", this.endWaiting(job, reason, message));
  }

  /** Remembers that a running attempt is to be cancelled, and tells its agent if it can be reached. */
  tell(running: RunningJob, reason: string): void {
    const { state, agents, clock } = this.#deps;
    if (running.cancel === undefined) running.cancel = { reason, atMs: clock.monotonicMs() };
    if (running.agent === FLOW_AGENT) {
      this.#events.cancelFlow(running);
      return;
    }
    const session = state.agents.get(running.agent)?.session;
    if (session !== undefined && running.phase !== "claiming" && running.phase !== "ending") {
      agents.cancel(session, { id: running.job.id, token: running.token, reason: running.cancel.reason, fenced: false });
    }
  }
}

export function earlyEnd(why: EarlyEnd, message: string): { exit: Exit; resultJson: string } {
  return { exit: exitOf(why, message), resultJson: errorResult(ERROR_NAMES[why], message) };
}
