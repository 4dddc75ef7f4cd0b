/** Older ones do not matter any more, unless links come and go all the time. */
const MAX_REMEMBERED = 64;

/**
 * When homes were lost of which the owner does not know what they do. Two leases follow on each other there: a home goes on telling its agents that all
 * is well until it ends the attempts of an owner that it does not hear, and an agent that loses its home just before has its own lease from there
 * on. It may also have come there from another home, as long as the lease from that one lasted, and nobody could say so.
 */
export class LostHomes {
  readonly #fenceMs: number;
  #lostMs: number[] = [];

  /** @param fenceMs how long a home keeps the attempts of an owner that it does not hear; the lease of an agent is no longer than that */
  constructor(fenceMs: number) {
    this.#fenceMs = fenceMs;
  }

  /** @param heardAtMs monotonic time of the last word of the home */
  lost(heardAtMs: number): void {
    this.#lostMs = [...this.#lostMs, heardAtMs].slice(-MAX_REMEMBERED);
  }

  /** Since when an agent hears of no home any more, at the latest, that the owner has not heard since. All times are monotonic. */
  silentSince(sinceMs: number): number {
    const lost = this.#lostMs.filter((heardAtMs) => heardAtMs <= sinceMs + this.#fenceMs);
    return Math.max(sinceMs, ...lost.map((heardAtMs) => heardAtMs + this.#fenceMs));
  }
}
