import type { JobId } from "../../kernel/ids.ts";

export type JobChange =
  | { readonly kind: "queued" }
  | { readonly kind: "running" }
  | { readonly kind: "ended" }
  | { readonly kind: "durable"; readonly attempt: number; readonly seq: number };

/** A peer that has readers of a job. */
export interface Watcher {
  changed(id: JobId, change: JobChange): void;
}

/** One peer may watch this many jobs; what is beyond is found by looking at the tables. */
const MAX_WATCHED = 20_000;

/** Which peers want to hear of which jobs. Only what happens on this replica is passed on, so nothing goes in circles. */
export class JobWatch {
  readonly #watchers = new Map<JobId, Set<Watcher>>();
  readonly #watched = new Map<Watcher, Set<JobId>>();

  watch(watcher: Watcher, id: JobId): void {
    const jobs = this.#watched.get(watcher) ?? new Set();
    if (jobs.size >= MAX_WATCHED) return;
    this.#watched.set(watcher, jobs.add(id));
    this.#watchers.set(id, (this.#watchers.get(id) ?? new Set<Watcher>()).add(watcher));
  }

  unwatch(watcher: Watcher, id: JobId): void {
    this.#watched.get(watcher)?.delete(id);
    const watchers = this.#watchers.get(id);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(id);
  }

  forget(watcher: Watcher): void {
    for (const id of this.#watched.get(watcher) ?? []) this.unwatch(watcher, id);
    this.#watched.delete(watcher);
  }

  changed(id: JobId, change: JobChange): void {
    if (this.#watchers.size === 0) return;
    for (const watcher of this.#watchers.get(id) ?? []) watcher.changed(id, change);
  }
}

/** Jobs that somebody waits for on this replica; `first` and `last` say when that begins and ends. */
export class Interest {
  readonly #counts = new Map<JobId, number>();
  readonly #onFirst: (id: JobId) => void;
  readonly #onLast: (id: JobId) => void;

  constructor(onFirst: (id: JobId) => void, onLast: (id: JobId) => void) {
    this.#onFirst = onFirst;
    this.#onLast = onLast;
  }

  get jobs(): IterableIterator<JobId> {
    return this.#counts.keys();
  }

  add(id: JobId): void {
    const count = this.#counts.get(id) ?? 0;
    this.#counts.set(id, count + 1);
    if (count === 0) this.#onFirst(id);
  }

  remove(id: JobId): void {
    const count = this.#counts.get(id) ?? 0;
    if (count > 1) this.#counts.set(id, count - 1);
    else if (this.#counts.delete(id)) this.#onLast(id);
  }
}
