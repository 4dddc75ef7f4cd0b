/**
 * Values that are looked up elsewhere and may be used for a while. Nobody gets one that is older than `maxAgeMs`, counted from the beginning
 * of its lookup. One that is in use is looked up again in the background once half of that time is over, after what is being done for its caller, so
 * that of a steady stream of callers none has to wait; callers that do have to wait share one lookup.
 */
export interface FreshCacheOptions<Value> {
  readonly maxAgeMs: number;
  /** The oldest entries are dropped beyond this. */
  readonly maxEntries: number;
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
  /** Errors reach the callers that wait, and are not remembered. */
  readonly load: (key: string) => Promise<Value>;
}

interface Entry<Value> {
  readonly value: Value;
  readonly atMs: number;
}

export class FreshCache<Value> {
  readonly #options: FreshCacheOptions<Value>;
  /** The longest unchanged first. */
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #loading = new Map<string, Promise<Value>>();

  constructor(options: FreshCacheOptions<Value>) {
    this.#options = options;
  }

  /** The value, at most `maxAgeMs` old. Errors: those of `load`. */
  async get(key: string): Promise<Value> {
    const { maxAgeMs, nowMs } = this.#options;
    const entry = this.#entries.get(key);
    const ageMs = entry === undefined ? Number.POSITIVE_INFINITY : nowMs() - entry.atMs;
    if (entry === undefined || ageMs >= maxAgeMs) return this.#load(key);
    // Should it fail, then a later caller finds nothing fresh, tries it itself and is told.
    if (ageMs >= maxAgeMs / 2 && !this.#loading.has(key)) setImmediate(() => void this.#load(key).catch(() => undefined));
    return entry.value;
  }

  /** Forgets a value, also one that is being looked up: the next caller gets a new one. */
  delete(key: string): void {
    this.#entries.delete(key);
    this.#loading.delete(key);
  }

  #load(key: string): Promise<Value> {
    const underWay = this.#loading.get(key);
    if (underWay !== undefined) return underWay;
    const loading = this.#lookUp(key, () => this.#loading.get(key) === loading);
    this.#loading.set(key, loading);
    return loading;
  }

  async #lookUp(key: string, isWanted: () => boolean): Promise<Value> {
    const atMs = this.#options.nowMs();
    try {
      const value = await this.#options.load(key);
      if (isWanted()) this.#keep(key, { value, atMs });
      return value;
    } finally {
      if (isWanted()) this.#loading.delete(key);
    }
  }

  #keep(key: string, entry: Entry<Value>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const oldest = this.#entries.size > this.#options.maxEntries ? this.#entries.keys().next() : undefined;
    if (oldest?.done === false) this.#entries.delete(oldest.value);
  }
}
