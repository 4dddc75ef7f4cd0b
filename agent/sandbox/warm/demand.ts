/** How many interpreters of each kind are worth keeping: from recent starts, within a bound of memory. Pure; the caller has the clock. */

/** Starts this close together want as many interpreters at the same time: making one takes a tenth of it. */
const BURST_MS = 1_000;
/** A burst counts half after this long. */
const HALF_LIFE_MS = 2 * 60_000;
/** Without any start for this long none is kept. */
const UNUSED_MS = 15 * 60_000;
const MAX_BURST = 64;

/** The demand for one kind. At the beginning it is one, so that the first script of a new agent finds an interpreter. */
export class Demand {
  #level = 1;
  #levelAtMs: number;
  #lastMs: number;
  /** The starts of the last `BURST_MS`, the oldest first. */
  #recent: number[] = [];

  constructor(nowMs: number) {
    this.#levelAtMs = nowMs;
    this.#lastMs = nowMs;
  }

  /** A script of this kind starts. */
  note(nowMs: number): void {
    this.#recent = this.#recent.filter((atMs) => nowMs - atMs < BURST_MS).slice(1 - MAX_BURST);
    this.#recent.push(nowMs);
    this.#level = Math.max(this.#decayed(nowMs), this.#recent.length);
    this.#levelAtMs = nowMs;
    this.#lastMs = nowMs;
  }

  get lastMs(): number {
    return this.#lastMs;
  }

  wanted(nowMs: number): number {
    if (nowMs - this.#lastMs >= UNUSED_MS) return 0;
    return Math.max(1, Math.round(this.#decayed(nowMs)));
  }

  #decayed(nowMs: number): number {
    return this.#level * 2 ** ((this.#levelAtMs - nowMs) / HALF_LIFE_MS);
  }
}

export interface Wish {
  readonly wanted: number;
  /** What one of them takes. */
  readonly bytes: number;
  readonly lastMs: number;
}

/** Shares a budget: one for each in turn, the most recently used kind first, until nothing more fits. */
export function share(budgetBytes: number, wishes: readonly Wish[]): number[] {
  const given = wishes.map(() => 0);
  const order = wishes.map((_, index) => index).sort((a, b) => (wishes[b]?.lastMs ?? 0) - (wishes[a]?.lastMs ?? 0));
  let leftBytes = budgetBytes;
  for (let gave = true; gave; ) {
    gave = false;
    for (const index of order) {
      const wish = wishes[index];
      const has = given[index] ?? 0;
      if (wish === undefined || has >= wish.wanted || wish.bytes > leftBytes) continue;
      given[index] = has + 1;
      leftBytes -= wish.bytes;
      gave = true;
    }
  }
  return given;
}
