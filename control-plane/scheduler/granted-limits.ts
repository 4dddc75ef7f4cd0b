import type { SchedulerState } from "./core/state-core.ts";
import { setWorkspaceLimits } from "./core/workspace-limits-core.ts";
import type { OwnerStore } from "./owner-deps.ts";

/** Keeps weights and caps of workspaces in memory as they are in the database: read whole once, then what has changed. */
export class GrantedLimits {
  readonly #state: SchedulerState;
  readonly #store: OwnerStore;
  #since = "0";
  #reading = false;

  constructor(state: SchedulerState, store: OwnerStore) {
    this.#state = state;
    this.#store = store;
  }

  /** Errors: those of the database; what was known stays. */
  async read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const { changed, next } = await this.#store.workspaceLimits(this.#since);
      for (const { workspace, limits } of changed) setWorkspaceLimits(this.#state, workspace, limits);
      this.#since = next;
    } finally {
      this.#reading = false;
    }
  }
}
