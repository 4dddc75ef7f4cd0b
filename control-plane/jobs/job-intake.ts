import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { BodyTurn } from "../http/body-turns.ts";
import { askOwner } from "../scheduler/cluster/ask-owner.ts";
import type { OwnerDirectory } from "../scheduler/cluster/owner-directory.ts";
import type { Accepted } from "../scheduler/keyed-jobs.ts";
import type { NewJob } from "./model.ts";

export interface JobIntakeDeps {
  /** Whether a workspace may start so many jobs; undefined when nothing has to be waited for. Errors: resource_exhausted. */
  readonly admit: (workspace: WorkspaceId, jobs: number) => Promise<void> | undefined;
  /** Called with the number of jobs that were just acknowledged. */
  readonly onAccepted: (jobs: number) => void;
  readonly owners: OwnerDirectory;
  readonly clock: Clock;
}

/** Of a large batch: what is made and handed over without a pause; about a millisecond. */
export const SLICE_JOBS = 64;
/** How long an enqueue waits for Postgres before it is given up. */
export const ENQUEUE_DEADLINE_MS = 10_000;

/** The way of jobs that are made to their acceptance: past the quotas of their workspace, to the owner of its shard. */
export class JobIntake {
  readonly #deps: JobIntakeDeps;

  constructor(deps: JobIntakeDeps) {
    this.#deps = deps;
  }

  /**
   * Accepts jobs of one workspace. After the deadline the caller is told that it is not known whether they were accepted.
   * Errors: unavailable when it is not known of all of them; resource_exhausted; already_exists, see KeyedJobs.
   * @param turn of a large body: between slices of the batch the event loop is left to others
   */
  async accept(jobs: readonly NewJob[], turn?: BodyTurn): Promise<readonly Accepted[]> {
    const [first] = jobs;
    const admitted = first === undefined ? undefined : this.#deps.admit(first.job.workspace, jobs.length);
    if (admitted !== undefined) await admitted;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new AppError("unavailable", "the database did not answer in time: it is not known whether the job was accepted", { retryAfterS: 2 })),
        ENQUEUE_DEADLINE_MS,
      );
    });
    try {
      const accepted = await Promise.race([this.#handOver(jobs, turn), deadline]);
      this.#deps.onAccepted(accepted.filter((job) => job.created).length);
      return accepted;
    } finally {
      clearTimeout(timer);
    }
  }

  async #handOver(jobs: readonly NewJob[], turn: BodyTurn | undefined): Promise<readonly Accepted[]> {
    const { owners, clock } = this.#deps;
    const [first] = jobs;
    if (first === undefined) return [];
    const enqueue = (some: readonly NewJob[]): Promise<readonly Accepted[]> => askOwner(owners, clock, first.job.shard, (owner) => owner.enqueue(some));
    // Keys of one request are judged together: nothing is accepted when one of them belongs to another request.
    if (turn === undefined || jobs.some(({ special }) => special?.key !== undefined)) return enqueue(jobs);
    const parts: Promise<readonly Accepted[]>[] = [];
    for (let at = 0; at < jobs.length; at += SLICE_JOBS) {
      if (at > 0) await turn.rest();
      const part = enqueue(jobs.slice(at, at + SLICE_JOBS));
      // Its failure is told below, when all have been handed over.
      part.catch(() => undefined);
      parts.push(part);
    }
    turn.end();
    return (await Promise.all(parts)).flat();
  }
}
