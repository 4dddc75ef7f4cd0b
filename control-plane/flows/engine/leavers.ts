import { messageOf } from "../../../kernel/app-error.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { RunningJob } from "../../scheduler/core/model.ts";
import type { FlowHost } from "../../scheduler/flow-port.ts";
import type { Command } from "../core/model.ts";

type Leaver = Extract<Command, { kind: "cancel_job" }>;

/** A run may have a hundred thousand jobs under way: so many of its cancels begin in one turn. Each is a read, and a write or a frame. */
const AT_ONCE = 64;
const AGAIN_MS = 500;

/**
 * Jobs of a run that nobody waits for any more, and that are to be cancelled: each once, a part of them in each turn. Who they are stands in the run's
 * state, also in the tables; this is only how far their owner has come.
 */
export class Leavers {
  readonly #waiting: Leaver[] = [];
  /** Those that wait, and those that were told. */
  readonly #known = new Set<JobId>();
  /** Cancels that are under way. */
  #open = 0;

  add(leaver: Leaver): void {
    if (this.#known.has(leaver.job)) return;
    this.#known.add(leaver.job);
    this.#waiting.push(leaver);
  }

  /** The job has ended. */
  ended(job: JobId): void {
    this.#known.delete(job);
  }

  /** Some are still to be told. */
  get isBehind(): boolean {
    return this.#waiting.length > 0;
  }

  /** All were told, and what came of it is known: it is durable, or cannot be written now. */
  get isDone(): boolean {
    return this.#waiting.length === 0 && this.#open === 0;
  }

  /**
   * Cancels the next ones. A cancel that cannot be written now is tried again a little later.
   * @param wake the run may go on: some are to be told again, or the last of those under way is done
   */
  tellSome(host: Pick<FlowHost, "cancel" | "log">, { job: { id, workspace, shard, policy } }: RunningJob, wake: () => void): void {
    for (const leaver of this.#waiting.splice(0, AT_ONCE)) {
      const { job, place, reason } = leaver;
      // It has ended while it waited for its turn.
      if (!this.#known.has(job)) continue;
      const flow = { id, root: policy?.flow?.root ?? id, place };
      this.#open += 1;
      host.cancel({ id: job, workspace, shard, policy: { ...NO_POLICY, flow } }, reason).then(
        () => this.#settled(wake),
        (error: unknown) => {
          host.log.warn({ event: "flow.cancel_failed", jobId: job, error: messageOf(error) }, "the step of a flow could not be cancelled, will be tried again");
          this.#settled(wake);
          this.#again(leaver, wake);
        },
      );
    }
  }

  #settled(wake: () => void): void {
    this.#open -= 1;
    if (this.isDone) wake();
  }

  #again(leaver: Leaver, wake: () => void): void {
    setTimeout(() => {
      if (!this.#known.delete(leaver.job)) return;
      this.add(leaver);
      wake();
    }, AGAIN_MS).unref();
  }
}

const NO_POLICY = { text: "{}", retry: undefined, queueTtlMs: undefined, softTimeoutMs: undefined };
