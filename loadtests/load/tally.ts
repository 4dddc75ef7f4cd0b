/** A count per job number that grows as needed; 255 is as many as it tells apart. */
export class Tally {
  #counts: Uint8Array;
  #length: number;

  constructor(bytes?: Uint8Array) {
    this.#counts = bytes ?? new Uint8Array(1 << 16);
    this.#length = bytes?.length ?? 0;
  }

  get(number: number): number {
    return this.#counts[number] ?? 0;
  }

  set(number: number, value: number): void {
    this.#grow(number + 1);
    this.#counts[number] = value;
  }

  increment(number: number): void {
    this.set(number, Math.min(255, this.get(number) + 1));
  }

  get length(): number {
    return this.#length;
  }

  /** For another process: `new Tally(bytes)`. */
  toBytes(): Uint8Array {
    return this.#counts.slice(0, this.#length);
  }

  #grow(length: number): void {
    if (length > this.#length) this.#length = length;
    if (length <= this.#counts.length) return;
    const larger = new Uint8Array(Math.max(length, this.#counts.length * 2));
    larger.set(this.#counts);
    this.#counts = larger;
  }
}

/** What the generator knows of a job number. Refused in part and broken connections leave it unknown: at most once is right for those. */
export const FATE = { unsent: 0, accepted: 1, unknown: 2 } as const;

export interface Audit {
  readonly accepted: number;
  readonly unknown: number;
  /** Jobs whose end was recorded. */
  readonly ended: number;
  /** Acknowledged and never ended. */
  readonly lost: number;
  /** Ended more than once. */
  readonly twice: number;
  /** Ended and never sent. */
  readonly ghosts: number;
  /** Started more than once: allowed (an agent was lost), and told. */
  readonly startedAgain: number;
}

/** Compares what was accepted with what agents saw recorded, job by job. */
export function audit(fates: Tally, started: Tally, recorded: Tally): Audit {
  const sums = { accepted: 0, unknown: 0, ended: 0, lost: 0, twice: 0, ghosts: 0, startedAgain: 0 };
  const length = Math.max(fates.length, started.length, recorded.length);
  for (let number = 0; number < length; number++) {
    const fate = fates.get(number);
    const ends = recorded.get(number);
    if (fate === FATE.accepted) sums.accepted += 1;
    if (fate === FATE.unknown) sums.unknown += 1;
    if (ends > 0) sums.ended += 1;
    if (fate === FATE.accepted && ends === 0) sums.lost += 1;
    if (ends > 1) sums.twice += 1;
    if (fate === FATE.unsent && ends > 0) sums.ghosts += 1;
    if (started.get(number) > 1) sums.startedAgain += 1;
  }
  return sums;
}

/** In words, what must not have happened; empty when all is well. */
export function problemsOf(found: Audit): string[] {
  return [
    ...(found.lost > 0 ? [`${found.lost} of ${found.accepted} acknowledged jobs were lost: they never ended`] : []),
    ...(found.twice > 0 ? [`${found.twice} jobs ended more than once`] : []),
    ...(found.ghosts > 0 ? [`${found.ghosts} jobs ended that were never sent`] : []),
  ];
}
