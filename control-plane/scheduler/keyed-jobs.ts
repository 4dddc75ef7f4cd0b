import { AppError } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { JobKey } from "../jobs/idempotency-key.ts";
import type { KeyedJob, KeyStore } from "../jobs/key-store.ts";
import type { NewJob } from "../jobs/model.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** What became of a request for a job. */
export interface Accepted {
  readonly id: JobId;
  /** False: the same request was accepted before, and this is its job. */
  readonly created: boolean;
}

/** The shard was given away before anything was written: its next owner is to be asked. */
export class ShardMoved extends Error {}

/** A key whose job is being accepted: whoever comes with it meanwhile waits for the same outcome. */
class UnderWay {
  readonly key: JobKey;
  readonly id: Promise<JobId>;
  readonly resolve: (id: JobId) => void;
  readonly reject: (error: unknown) => void;

  constructor(key: JobKey) {
    const { promise, resolve, reject } = Promise.withResolvers<JobId>();
    this.key = key;
    this.id = promise;
    this.resolve = resolve;
    this.reject = reject;
    // There may be nobody else who waits for it.
    promise.catch(() => undefined);
  }
}

type KeyedDeps = Pick<OwnerDeps, "clock" | "owns"> & { readonly store: KeyStore };

interface Place {
  readonly job: NewJob;
  readonly underWay: UnderWay | undefined;
  /** This request is the first that came with the key. */
  readonly first: boolean;
}

/**
 * Accepts jobs under idempotency keys. The owner is the only one that writes keys, so it is enough that it looks for each in memory
 * (requests under way) and then in the database, and commits it together with its job. A key leaves memory only when the outcome of
 * its job is known. A key that nobody can have used yet is not looked for. After a take-over no flush of the owner before can commit any more, and the database tells.
 */
export class KeyedJobs {
  readonly #deps: KeyedDeps;
  readonly #enqueue: (jobs: readonly NewJob[]) => Promise<void>;
  /** By workspace and key. Bounded by the jobs that the owner takes without a commit. */
  readonly #underWay = new Map<string, UnderWay>();

  constructor(deps: KeyedDeps, enqueue: (jobs: readonly NewJob[]) => Promise<void>) {
    this.#deps = deps;
    this.#enqueue = enqueue;
  }

  /**
   * Accepts the jobs of one request and workspace; those without a key are always new. In the order of the request.
   * Errors: already_exists when a key was used with another body, and then nothing was accepted that was not before; unavailable when it
   * is not known of all of them: with keys the same request may be sent again; ShardMoved.
   */
  async enqueue(jobs: readonly NewJob[]): Promise<Accepted[]> {
    const places = jobs.map((job) => this.#place(job));
    const first = places.filter((place) => place.first);
    const found = await this.#find(first);
    if (!jobs.every(({ job }) => this.#deps.owns(job.shard))) {
      const moved = new ShardMoved("the shard was given away");
      this.#giveUp(first, moved);
      throw moved;
    }
    const bodyOf = (place: Place): string | undefined => (place.first ? found.get(place.underWay?.key.key ?? "")?.body : place.underWay?.key.body);
    if (places.some((place) => (bodyOf(place) ?? place.job.special?.key?.body) !== place.job.special?.key?.body)) {
      this.#giveUp(first, new AppError("unavailable", "a request with the same key was refused: try again", { retryAfterS: 1 }));
      throw conflict();
    }
    return Promise.all(places.map((place) => this.#accept(place, found)));
  }

  #place(job: NewJob): Place {
    const key = job.special?.key;
    if (key === undefined) return { job, underWay: undefined, first: false };
    const name = nameOf(job, key);
    const known = this.#underWay.get(name);
    if (known !== undefined) return { job, underWay: known, first: false };
    const underWay = new UnderWay(key);
    this.#underWay.set(name, underWay);
    return { job, underWay, first: true };
  }

  async #find(first: readonly Place[]): Promise<Map<string, KeyedJob>> {
    const workspace = first[0]?.job.job.workspace;
    const keys = first.flatMap(({ underWay }) => (underWay === undefined || underWay.key.isNew?.() === true ? [] : underWay.key.key));
    if (workspace === undefined || keys.length === 0) return new Map();
    try {
      return await this.#deps.store.findKeys(workspace, keys, this.#deps.clock.wallMs());
    } catch (error) {
      this.#giveUp(first, error);
      throw error;
    }
  }

  async #accept({ job, underWay, first }: Place, found: ReadonlyMap<string, KeyedJob>): Promise<Accepted> {
    if (underWay !== undefined && !first) return { id: await underWay.id, created: false };
    const before = found.get(underWay?.key.key ?? "");
    try {
      if (before === undefined) await this.#enqueue([job]);
      underWay?.resolve(before?.id ?? job.job.id);
      return { id: before?.id ?? job.job.id, created: before === undefined };
    } catch (error) {
      underWay?.reject(error);
      throw error;
    } finally {
      if (underWay !== undefined) this.#underWay.delete(nameOf(job, underWay.key));
    }
  }

  #giveUp(first: readonly Place[], error: unknown): void {
    for (const { job, underWay } of first) {
      if (underWay === undefined) continue;
      this.#underWay.delete(nameOf(job, underWay.key));
      underWay.reject(error);
    }
  }
}

const nameOf = (job: NewJob, key: JobKey): string => `${job.job.workspace}/${key.key}`;

function conflict(): AppError {
  return new AppError("already_exists", "the idempotency key was used before with another request", {
    hint: "use a new key for a new request, and send a request again exactly as it was",
  });
}
