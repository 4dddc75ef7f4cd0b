import type { JobId } from "../../kernel/ids.ts";
import type { JobQueue, WaitingJob } from "./core/model.ts";
import { removeArrived } from "./core/queue-core.ts";
import type { SchedulerState } from "./core/state-core.ts";

/**
 * Answers of the database overtake each other. A refill may come back with a row as it was before an attempt; the answer to the insert of
 * a job may come when a refill has read the row and an attempt of it is over. Either would give the scheduler an old version of the job, with
 * too few attempts counted. So whatever takes a row out of the queue says so here when its commit is known. A row that goes back into the
 * queue needs no such care: its job counts as running until the answer.
 */
export class QueueChanges {
  /** Of each refill under way, the jobs whose row has left the queue since it began. */
  readonly #refills = new Map<JobQueue, Set<JobId>>();
  /** New jobs whose insert was not answered yet. Bounded by the operations of the writer. */
  readonly #arriving = new Set<JobId>();

  /** A new job is being written into the queue. */
  arriving(id: JobId): void {
    this.#arriving.add(id);
  }

  /** Its insert was answered, or failed. @returns false when the row has left the queue again: what is known of the job is out of date */
  arrived(id: JobId): boolean {
    return this.#arriving.delete(id);
  }

  /** A commit that took the row out of the queue is known. */
  left(id: JobId): void {
    this.#arriving.delete(id);
    for (const left of this.#refills.values()) left.add(id);
  }

  /** A job that waited has ended. What came during a refill is kept until its end, also when it has ended since. */
  ended(state: SchedulerState, id: JobId): void {
    for (const queue of this.#refills.keys()) removeArrived(state, queue, id);
  }

  /** Rows of a read of the queue, without those that left it meanwhile. Errors: those of the read. */
  async read(queue: JobQueue, rows: () => Promise<WaitingJob[]>): Promise<{ rows: WaitingJob[]; read: number }> {
    const left = new Set<JobId>();
    this.#refills.set(queue, left);
    try {
      const all = await rows();
      return { rows: all.filter((row) => !left.has(row.id)), read: all.length };
    } finally {
      this.#refills.delete(queue);
    }
  }
}
