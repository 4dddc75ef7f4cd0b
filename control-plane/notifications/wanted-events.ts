import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Watched } from "../db/change-watch.ts";
import type { Pool } from "../db/pools.ts";
import type { NotesWantedOf, WantedNotes } from "../jobs/event-notes.ts";
import type { EventKind } from "./contract.ts";
import { hasChangedHooks, wantedKinds } from "./hook-store.ts";

/**
 * Which workspaces want to be told of what, in memory: owners ask at every end of a job, and for nearly all the answer is no. A hook that was made
 * at another replica is told what happens from the moment at which it is known here.
 */
export class WantedEvents implements Watched {
  readonly name = "hooks";
  readonly isNew = hasChangedHooks;
  readonly #pool: Pool;
  #wanted: ReadonlyMap<WorkspaceId, WantedNotes> = new Map();
  #mark: string | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  get any(): boolean {
    return this.#wanted.size > 0;
  }

  readonly of: NotesWantedOf = (workspace) => this.#wanted.get(workspace);

  since(): string | undefined {
    return this.#mark;
  }

  /** Errors: those of the database; what was known before holds. */
  async read(): Promise<void> {
    const { wanted, mark } = await wantedKinds(this.#pool);
    this.#wanted = new Map(wanted.map(({ workspace, events }) => [workspace, notesFor(events)]));
    this.#mark = mark;
  }
}

function notesFor(events: readonly EventKind[]): WantedNotes {
  return {
    succeeded: events.includes("job.succeeded"),
    failed: events.includes("job.failed"),
    cancelled: events.includes("job.cancelled"),
    lost: events.includes("attempt.lost"),
    approvals: events.includes("approval.wanted"),
  };
}
