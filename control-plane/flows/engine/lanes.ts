/** So many pieces of work at a time; the rest waits in its order. */
export class Lanes {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Errors: those of the work. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Whoever waits longest gets the place as it is.
      if (next === undefined) this.#taken -= 1;
      else next();
    }
  }
}
