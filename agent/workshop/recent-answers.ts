interface Kept<T> {
  readonly value: T;
  readonly untilMs: number;
}

/** Answers that count for a while; of more than `max` the oldest go. */
export class RecentAnswers<T> {
  readonly #kept = new Map<string, Kept<T>>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  find(key: string): T | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (performance.now() < kept.untilMs) return kept.value;
    this.#kept.delete(key);
    return undefined;
  }

  keep(key: string, value: T, forMs: number): void {
    this.#kept.delete(key);
    const oldest = this.#kept.size >= this.#max ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, { value, untilMs: performance.now() + forMs });
  }
}
