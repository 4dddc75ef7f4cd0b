import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import type { Instant } from "../../kernel/instant.ts";
import type { Occupancy, PlannedRun } from "./model.ts";
import { keyOf } from "./tick-tables.ts";

type Busy = ReadonlyMap<string, Occupancy>;

interface Held {
  readonly run: PlannedRun;
  /** Undefined: not known. */
  readonly busy: Occupancy | undefined;
  /** Monotonic: a clock on the wall that is set back meanwhile must not put it off. */
  readonly atMs: number;
}

/** Runs whose ticks are recorded and have not come yet. */
export class HeldRuns {
  readonly #clock: Clock;
  readonly #begin: (runs: readonly PlannedRun[], busy: Busy) => void;
  #held: Held[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isOn = false;

  /** @param begin called with what begins now, and with what earlier runs do, as far as it is known */
  constructor(clock: Clock, begin: (runs: readonly PlannedRun[], busy: Busy) => void) {
    this.#clock = clock;
    this.#begin = begin;
  }

  get size(): number {
    return this.#held.length;
  }

  /** From now on all begin by themselves. */
  start(): void {
    this.#isOn = true;
    this.#arm();
  }

  /** Resolves when all have begun: they are recorded, and nobody else looks after them for some time. */
  async stop(): Promise<void> {
    this.#isOn = false;
    clearTimeout(this.#timer);
    for (let restMs = this.#restMs(); restMs !== undefined; restMs = this.#restMs()) {
      await pause(restMs);
      this.release();
    }
  }

  /**
   * @param busy what earlier runs did when these were recorded. What was in no run's way then is not at its moment: a run that is recorded lets nothing past it
   * @param claimedAt from when on the monotonic clock counts
   */
  hold(runs: readonly PlannedRun[], busy: Busy, claimedAt: Instant): void {
    for (const run of runs) {
      const then = busy.get(keyOf(run));
      const isFree = then !== undefined && !then.isBusy && then.waiting === 0;
      this.#held.push({ run, busy: isFree ? then : undefined, atMs: claimedAt.monotonicMs + run.dueMs - claimedAt.wallMs });
    }
    this.#arm();
  }

  /** Begins those whose moment has come, in the order of their moments. */
  release(): void {
    const nowMs = this.#clock.monotonicMs();
    const due = this.#held.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    if (due.length > 0) {
      this.#held = this.#held.filter(({ atMs }) => atMs > nowMs);
      this.#begin(
        due.map(({ run }) => run),
        new Map(due.flatMap(({ run, busy }) => (busy === undefined ? [] : [[keyOf(run), busy] as const]))),
      );
    }
    this.#arm();
  }

  /** Undefined: there is none. Timers may go off a little early. */
  #restMs(): number | undefined {
    if (this.#held.length === 0) return undefined;
    const soonestMs = this.#held.reduce((least, { atMs }) => Math.min(least, atMs), Number.POSITIVE_INFINITY);
    return Math.max(1, Math.ceil(soonestMs - this.#clock.monotonicMs()));
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const restMs = this.#isOn ? this.#restMs() : undefined;
    if (restMs !== undefined) this.#timer = setTimeout(() => this.release(), restMs);
  }
}
