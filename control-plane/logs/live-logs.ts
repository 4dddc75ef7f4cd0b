import type { JobId } from "../../kernel/ids.ts";
import type { Interest } from "../jobs/job-events.ts";
import type { StoredChunk } from "./log-store.ts";

/** What a live reader of a job's log hears. */
export interface LiveListener {
  /** A fresh chunk, before it is durable. */
  chunk(chunk: StoredChunk): void;
  /** Chunks up to this one are in the database. */
  durable(upTo: { readonly attempt: number; readonly seq: number }): void;
  /** The job's state changed. */
  changed(): void;
}

/** Fan-out of fresh chunks to those who watch a job now. Nothing is kept for those who come later: they read the database. */
export class LiveLogs {
  readonly #listeners = new Map<JobId, Set<LiveListener>>();
  readonly #interest: Interest | undefined;
  readonly #onDurable: (id: JobId, upTo: { attempt: number; seq: number }) => void;

  /**
   * @param interest told of every job that somebody reads: its agent may be connected to another replica
   * @param onDurable called for what was stored by this replica
   */
  constructor(interest?: Interest, onDurable: (id: JobId, upTo: { attempt: number; seq: number }) => void = () => undefined) {
    this.#interest = interest;
    this.#onDurable = onDurable;
  }

  subscribe(id: JobId, listener: LiveListener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners);
    listeners.add(listener);
    this.#interest?.add(id);
    return () => {
      if (listeners.delete(listener)) this.#interest?.remove(id);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  publish(id: JobId, chunk: StoredChunk): void {
    for (const listener of this.#listeners.get(id) ?? []) listener.chunk(chunk);
  }

  durable(id: JobId, upTo: { attempt: number; seq: number }): void {
    this.#onDurable(id, upTo);
    this.heard(id, upTo);
  }

  /** The same, of what another replica has stored. */
  heard(id: JobId, upTo: { attempt: number; seq: number }): void {
    for (const listener of this.#listeners.get(id) ?? []) listener.durable(upTo);
  }

  changed(id: JobId): void {
    for (const listener of this.#listeners.get(id) ?? []) listener.changed();
  }
}
