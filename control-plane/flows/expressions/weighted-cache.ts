/** Keeps what was used last, as far as all keys together are not longer than `chars`. */
export class WeightedCache<V> {
  readonly #chars: number;
  readonly #entries = new Map<string, V>();
  #held = 0;

  constructor(chars: number) {
    this.#chars = chars;
  }

  get heldChars(): number {
    return this.#held;
  }

  /** Counts as a use. */
  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** The key must be new. One that is too long by itself is not kept. */
  add(key: string, value: V): void {
    if (key.length > this.#chars) return;
    this.#entries.set(key, value);
    this.#held += key.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#held <= this.#chars) return;
      this.#entries.delete(oldest);
      this.#held -= oldest.length;
    }
  }
}
