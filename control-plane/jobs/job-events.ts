import type { JobId } from "../../kernel/ids.ts";
import { type Interest, Listeners } from "./listeners.ts";

export type Change = "queued" | "running" | "ended";
type Listener = (change: Change) => void;

/** In-memory notice of what happens to jobs, for those who wait for one right now. The database is the truth. */
export class JobEvents {
  readonly #listeners: Listeners<Listener>;

  /** @param interest told of every job that somebody waits for: it may change on another replica */
  constructor(interest?: Interest) {
    this.#listeners = new Listeners(interest);
  }

  /** @returns the function that ends the subscription */
  on(id: JobId, listener: Listener): () => void {
    return this.#listeners.add(id, listener);
  }

  emit(id: JobId, change: Change): void {
    for (const listener of this.#listeners.of(id)) listener(change);
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
