import { AppError } from "../../kernel/app-error.ts";

/** Somebody who wants the outcome of a run. */
export interface Waiter {
  readonly signal: AbortSignal;
  /** A piece of output for the job's log. A promise asks to wait. */
  say(data: Buffer): Promise<void> | undefined;
}

interface Run<T> {
  readonly waiters: Set<Waiter>;
  readonly abort: AbortController;
  readonly outcome: Promise<T>;
}

/**
 * Runs the same thing once for all who want it at the same time. A waiter who gives up is no longer told anything; when the last one
 * has given up the run is ended, and who comes after that begins a new one.
 */
export class SharedRuns<T> {
  readonly #runs = new Map<string, Run<T>>();

  /** Rejects with `cancelled` when the waiter gives up, otherwise as the run does. */
  join(key: string, waiter: Waiter, start: (shared: Waiter) => Promise<T>): Promise<T> {
    if (waiter.signal.aborted) return Promise.reject(cancelled());
    const run = this.#runs.get(key) ?? this.#begin(key, start);
    run.waiters.add(waiter);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        run.waiters.delete(waiter);
        waiter.signal.removeEventListener("abort", giveUp);
      };
      const giveUp = (): void => {
        leave();
        if (run.waiters.size === 0) {
          this.#forget(key, run);
          run.abort.abort();
        }
        reject(cancelled());
      };
      waiter.signal.addEventListener("abort", giveUp);
      run.outcome.then(resolve, reject).finally(leave);
    });
  }

  #begin(key: string, start: (shared: Waiter) => Promise<T>): Run<T> {
    const waiters = new Set<Waiter>();
    const abort = new AbortController();
    // A log that takes nothing more is no reason to end a build.
    const say = (data: Buffer): Promise<void> | undefined => {
      const waits = [...waiters].map((one) => one.say(data)?.catch(() => undefined)).filter((wait) => wait !== undefined);
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    };
    // Not before the first waiter is there to be told.
    const outcome = Promise.resolve().then(() => start({ signal: abort.signal, say }));
    const run: Run<T> = { waiters, abort, outcome };
    this.#runs.set(key, run);
    const over = (): void => this.#forget(key, run);
    run.outcome.then(over, over);
    return run;
  }

  #forget(key: string, run: Run<T>): void {
    if (this.#runs.get(key) === run) this.#runs.delete(key);
  }
}

function cancelled(): AppError {
  return new AppError("cancelled", "the attempt was stopped while it waited for a build");
}
