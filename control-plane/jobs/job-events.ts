import type { JobId } from "../../kernel/ids.ts";

type Change = "queued" | "running" | "ended";
type Listener = (change: Change) => void;

/** In-memory notice of what happens to jobs, for those who wait for one right now. The database is the truth. */
export class JobEvents {
  readonly #listeners = new Map<JobId, Set<Listener>>();

  /** @returns the function that ends the subscription */
  on(id: JobId, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  emit(id: JobId, change: Change): void {
    for (const listener of this.#listeners.get(id) ?? []) listener(change);
  }

  /** Resolves with true when the job ends, false after `ms` or when `signal` aborts. Subscribe before the job can end. */
  ended(id: JobId, ms: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (ended: boolean): void => {
        clearTimeout(timer);
        off();
        signal.removeEventListener("abort", aborted);
        resolve(ended);
      };
      const aborted = (): void => finish(false);
      const timer = setTimeout(() => finish(false), ms);
      const off = this.on(id, (change) => {
        if (change === "ended") finish(true);
      });
      if (signal.aborted) finish(false);
      else signal.addEventListener("abort", aborted);
    });
  }
}
