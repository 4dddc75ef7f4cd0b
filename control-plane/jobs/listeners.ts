import { ChurnMap } from "../../kernel/churn-map.ts";
import type { JobId } from "../../kernel/ids.ts";

/** Jobs that somebody waits for. */
export interface Interest {
  add(id: JobId): void;
  remove(id: JobId): void;
}

/** Who listens to which job on this replica. */
export class Listeners<Listener> {
  readonly #byJob = new ChurnMap<JobId, Set<Listener>>();
  readonly #interest: Interest | undefined;

  /** @param interest told of every job that somebody listens to: it may change, or its agent be connected, at another replica */
  constructor(interest: Interest | undefined) {
    this.#interest = interest;
  }

  of(id: JobId): Iterable<Listener> {
    return this.#byJob.get(id) ?? [];
  }

  /** @returns the function that ends the subscription; idempotent */
  add(id: JobId, listener: Listener): () => void {
    const listeners = this.#byJob.get(id) ?? new Set();
    this.#byJob.set(id, listeners);
    listeners.add(listener);
    this.#interest?.add(id);
    return () => {
      if (listeners.delete(listener)) this.#interest?.remove(id);
      if (listeners.size === 0) this.#byJob.delete(id);
    };
  }
}
