interface Kept<T> {
  readonly value: T;
  readonly chars: number;
  readonly untilMs: number;
}

/** Answers that count for a while. Of more than `maxCount`, or longer than `maxChars` together, the oldest go. */
export class RecentAnswers<T> {
  readonly #kept = new Map<string, Kept<T>>();
  readonly #maxCount: number;
  readonly #maxChars: number;
  #chars = 0;

  constructor(maxCount: number, maxChars: number) {
    this.#maxCount = maxCount;
    this.#maxChars = maxChars;
  }

  find(key: string): T | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (performance.now() < kept.untilMs) return kept.value;
    this.#forget(key);
    return undefined;
  }

  keep(key: string, value: T, how: { readonly forMs: number; readonly chars: number }): void {
    this.#forget(key);
    this.#kept.set(key, { value, chars: how.chars, untilMs: performance.now() + how.forMs });
    this.#chars += how.chars;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#maxCount && this.#chars <= this.#maxChars) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#chars -= this.#kept.get(key)?.chars ?? 0;
    this.#kept.delete(key);
  }
}
