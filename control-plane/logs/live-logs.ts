import type { JobId } from "../../kernel/ids.ts";
import { type Interest, Listeners } from "../jobs/listeners.ts";
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
  readonly #listeners: Listeners<LiveListener>;
  readonly #onDurable: (id: JobId, upTo: { attempt: number; seq: number }) => void;

  /**
   * @param interest told of every job that somebody reads: its agent may be connected to another replica
   * @param onDurable called for what was stored by this replica
   */
  constructor(interest?: Interest, onDurable: (id: JobId, upTo: { attempt: number; seq: number }) => void = () => undefined) {
    this.#listeners = new Listeners(interest);
    this.#onDurable = onDurable;
  }

  subscribe(id: JobId, listener: LiveListener): () => void {
    return this.#listeners.add(id, listener);
  }

  publish(id: JobId, chunk: StoredChunk): void {
    for (const listener of this.#listeners.of(id)) listener.chunk(chunk);
  }

  durable(id: JobId, upTo: { attempt: number; seq: number }): void {
    this.#onDurable(id, upTo);
    this.heard(id, upTo);
  }

  /** The same, of what another replica has stored. */
  heard(id: JobId, upTo: { attempt: number; seq: number }): void {
    for (const listener of this.#listeners.of(id)) listener.durable(upTo);
  }

  changed(id: JobId): void {
    for (const listener of this.#listeners.of(id)) listener.changed();
  }
}
