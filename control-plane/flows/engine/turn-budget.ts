import { TURN_BYTES } from "./run-inputs.ts";
import type { Transition } from "./transition.ts";

/** Of events, and of items of lists: what is over at once leaves few events and many items. */
const MOST_RECORDS = 400;
/** The first children of a large fan-out begin while the next ones are being made: few at first, so that their commit is a short one. */
const FIRST_JOBS = 16;
const MOST_JOBS = 64;
/**
 * Of the processor: one expression may take a millisecond (`interpret`), and leaves no event where a worker has to try it again. Not by the clock: each turn costs a
 * commit, and on a busy machine there would be more of them for nothing.
 */
const TURN_MS = 10;
/** In each turn at least, however slow they are: to find out what else is to be done takes longer the more there is. */
const LEAST_COMMANDS = 32;

/** So much of one run in one turn: others have theirs in between. */
export class TurnBudget {
  readonly #to: Transition;
  readonly #mostJobs: number;
  readonly #untilMs = usedMs() + TURN_MS;
  #commands = 0;

  /** @param wasFull the turn before has left something for this one */
  constructor(to: Transition, wasFull: boolean) {
    this.#to = to;
    // Where many end, as many begin.
    this.#mostJobs = wasFull ? MOST_JOBS : Math.min(MOST_JOBS, Math.max(FIRST_JOBS, to.caused.length));
  }

  get isSpent(): boolean {
    const { events, items, jobs, jobBytes } = this.#to;
    if (Math.max(events.length, items) >= MOST_RECORDS || jobs >= this.#mostJobs || jobBytes >= TURN_BYTES) return true;
    return this.#commands >= LEAST_COMMANDS && usedMs() >= this.#untilMs;
  }

  /** A command has been carried out, or begun. */
  spend(): void {
    this.#commands += 1;
  }
}

/** Of the processor, by this thread. */
function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
