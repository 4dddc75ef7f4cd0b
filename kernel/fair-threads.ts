import type { AppError } from "./app-error.ts";
import { type TurnLimits, WorkspaceTurns } from "./workspace-turns.ts";

/** Of work that people wait for: a marked workspace is served all the same, but by one thread for all of them. */
const MARK_MS = 60_000;

interface Waiter {
  readonly begin: () => void;
  readonly refuse: (error: AppError) => void;
}

/**
 * Work of workspaces in so many threads at a time, see `WorkspaceTurns`: who fills the threads, or the line in front of them, waits and is refused
 * before anybody else.
 */
export class FairThreads {
  readonly #threads: number;
  readonly #turns: WorkspaceTurns<Waiter>;
  readonly #tooMany: () => AppError;
  #running = 0;

  /** @param tooMany what whoever has to go is told */
  constructor(threads: number, limits: Omit<TurnLimits, "markMs">, tooMany: () => AppError) {
    this.#threads = threads;
    this.#turns = new WorkspaceTurns(threads, { ...limits, markMs: MARK_MS });
    this.#tooMany = tooMany;
  }

  /** Errors: those of the work; `tooMany`. @param work tells by its argument when it had to be stopped at a limit */
  async take<T>(workspace: string, work: (ranAway: () => void) => Promise<T>): Promise<T> {
    await this.#turn(workspace);
    const beganMs = performance.now();
    let hasRunAway = false;
    try {
      return await work(() => {
        hasRunAway = true;
      });
    } finally {
      const nowMs = performance.now();
      this.#running -= 1;
      this.#turns.ended(workspace, nowMs - beganMs, hasRunAway, nowMs);
      this.#beginNext();
    }
  }

  #turn(workspace: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#turns.add(workspace, { begin: resolve, refuse: reject })?.refuse(this.#tooMany());
      this.#beginNext();
    });
  }

  #beginNext(): void {
    while (this.#running < this.#threads) {
      const turn = this.#turns.next(performance.now(), this.#threads);
      if (turn === undefined) return;
      this.#running += 1;
      turn.item.begin();
    }
  }
}
