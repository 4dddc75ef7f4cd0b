import { messageOf } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import type { NotesWantedOf, WantedNotes } from "../jobs/event-notes.ts";
import type { Log } from "../telemetry/log.ts";
import type { EventKind } from "./contract.ts";
import { wantedKinds } from "./hook-store.ts";

const LOOK_EVERY_MS = 2000;

/**
 * Which workspaces want to be told of what, in memory: owners ask at every end of a job, and for nearly all the answer is no. A hook that was made
 * at another replica is known here within two seconds; it is told what happens from then on.
 */
export class WantedEvents implements Service {
  readonly #pool: Pool;
  readonly #log: Log;
  #wanted: ReadonlyMap<WorkspaceId, WantedNotes> = new Map();
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: Pool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  get any(): boolean {
    return this.#wanted.size > 0;
  }

  readonly of: NotesWantedOf = (workspace) => this.#wanted.get(workspace);

  /** Never rejects: what was known before holds. */
  async look(): Promise<void> {
    try {
      this.#wanted = new Map((await wantedKinds(this.#pool)).map(({ workspace, events }) => [workspace, notesFor(events)]));
    } catch (error) {
      this.#log.warn({ event: "hooks.not_read", error: messageOf(error) }, "which events are wanted could not be read, will be tried again");
    }
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
