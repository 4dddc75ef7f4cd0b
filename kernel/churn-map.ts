/** Entries that are added before the collection is built anew, at least. */
const FEWEST = 64;

/**
 * A Map that lives long and whose entries do not, such as the jobs under way. V8 gives a Map a new table whenever the old one is full of removed
 * entries, and the old table points to the new one, for iterators that may be under way. Once such a table is in the space of old objects, it keeps
 * all that follow until the next full collection, each with the entries that it had when it was replaced: all of them outlive two small collections,
 * which take ten times as long, and full ones become frequent (docs/decisions/0200). A Map that is replaced by a copy of itself before its table is
 * full leaves no such chain.
 *
 * It is a Map in all but one thing: once an entry has been added, an iteration that began before may not see what changes after that.
 */
export class ChurnMap<K, V> implements Map<K, V> {
  readonly [Symbol.toStringTag] = "ChurnMap";
  #map = new Map<K, V>();
  #added = 0;
  #most = FEWEST;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, value: V): this {
    this.#added += 1;
    if (this.#added > this.#most) this.#renew();
    this.#map.set(key, value);
    return this;
  }

  delete(key: K): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    this.#map = new Map();
    this.#added = 0;
    this.#most = FEWEST;
  }

  forEach(callback: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this.#map) callback(value, key, this);
  }

  keys(): MapIterator<K> {
    return this.#map.keys();
  }

  values(): MapIterator<V> {
    return this.#map.values();
  }

  entries(): MapIterator<[K, V]> {
    return this.#map.entries();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#map.entries();
  }

  /** As many additions as there are entries pay for the next copy. */
  #renew(): void {
    this.#map = new Map(this.#map);
    this.#added = 0;
    this.#most = Math.max(FEWEST, this.#map.size);
  }
}

/** What `ChurnMap` is to a Map, to a Set. */
export class ChurnSet<T> {
  readonly #entries = new ChurnMap<T, true>();

  get size(): number {
    return this.#entries.size;
  }

  has(value: T): boolean {
    return this.#entries.has(value);
  }

  add(value: T): this {
    this.#entries.set(value, true);
    return this;
  }

  delete(value: T): boolean {
    return this.#entries.delete(value);
  }

  clear(): void {
    this.#entries.clear();
  }

  [Symbol.iterator](): MapIterator<T> {
    return this.#entries.keys();
  }
}
