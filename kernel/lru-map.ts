import { ChurnMap } from "./churn-map.ts";
/** A map that holds at most `capacity` entries: beyond that the one that was used longest ago goes. */
export class LruMap<K, V> {
  readonly #capacity: number;
  readonly #entries = new ChurnMap<K, V>();
  /** The entry that was used last needs no reordering; hot paths mostly ask for one key again and again. */
  #newest: K | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts as a use. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined || key === this.#newest) return value;
    // A Map iterates in the order of insertion: the last is the newest.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#newest = key;
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#newest = key;
    if (this.#entries.size <= this.#capacity) return;
    const oldest = this.#entries.keys().next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }

  /** The one that was used longest ago first; none of them counts as used. */
  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries();
  }

  clear(): void {
    this.#entries.clear();
    this.#newest = undefined;
  }
}
