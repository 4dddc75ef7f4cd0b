import type { SchedulerState } from "./core/state-core.ts";
import { setWorkspaceLimits } from "./core/workspace-limits-core.ts";
import type { OwnerStore } from "./owner-deps.ts";

/** Keeps weights and caps of workspaces in memory as they are in the database: read whole when shards are gained, then what has changed. */
export class GrantedLimits {
  readonly #state: SchedulerState;
  readonly #store: OwnerStore;
  #since = "0";
  #reading: Promise<void> | undefined;

  constructor(state: SchedulerState, store: OwnerStore) {
    this.#state = state;
    this.#store = store;
  }

  /** Where the next read begins. */
  get since(): string {
    return this.#since;
  }

  /** What has changed; nothing while another read is under way. Errors: those of the database; what was known stays. */
  async read(): Promise<void> {
    if (this.#reading === undefined) await this.#read(this.#since);
  }

  /** All, by a read that begins now or later. Errors: as read. */
  async readAll(): Promise<void> {
    while (this.#reading !== undefined) await this.#reading.catch(() => undefined);
    await this.#read("0");
  }

  async #read(since: string): Promise<void> {
    this.#reading = this.#load(since);
    try {
      await this.#reading;
    } finally {
      this.#reading = undefined;
    }
  }

  async #load(since: string): Promise<void> {
    const { changed, next } = await this.#store.workspaceLimits(since);
    for (const { workspace, limits } of changed) setWorkspaceLimits(this.#state, workspace, limits);
    this.#since = next;
  }
}
