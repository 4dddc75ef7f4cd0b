/**
 * Places with interpreters in them: a pool for each interpreter, as large as recent demand asks for and memory allows.
 *
 * Invariants: those that wait take no more than the budget, and no more than an eighth of the host's free memory; what does not fit is
 * dropped at the next look. Whatever was made is taken or dropped once (`ready-pool.ts`).
 */
import { freemem } from "node:os";
import type { Clock } from "../../../kernel/clock.ts";
import { type Ending, ReadyPool } from "../ready-pool.ts";
import type { WarmInterpreter, WarmPlan } from "../sandbox.ts";
import { Demand, share } from "./demand.ts";

export interface WarmPoolsOptions<T extends Ending> {
  readonly plan: WarmPlan;
  readonly make: (interpreter: WarmInterpreter) => Promise<T | undefined>;
  readonly drop: (made: T) => void;
  /** What one that waits takes for itself; 0 when it cannot be found out. */
  readonly bytesOf: (made: T) => number;
  readonly clock: Clock;
}

interface Kind<T extends Ending> {
  readonly demand: Demand;
  readonly pool: ReadyPool<T>;
  /** So many shall wait. */
  size: number;
  /** What one takes. */
  bytes: number;
}

/** Until the first one has been looked at. */
const GUESSED_BYTES = 24 * 1024 * 1024;
/** Next to bwrap and the launcher, which are not measured. */
const ENCLOSURE_BYTES = 600 * 1024;
const LOOK_EVERY_MS = 10_000;
/** After a start, of which there may be many: nothing is made so soon anyway. */
const LOOK_SOON_MS = 5;
const FREE_SHARE = 8;
const START_REST_MS = 1_000;

export class WarmPools<T extends Ending> {
  readonly #options: WarmPoolsOptions<T>;
  readonly #kinds = new Map<string, Kind<T>>();
  readonly #timer: NodeJS.Timeout;
  #soon: NodeJS.Timeout | undefined;

  constructor(options: WarmPoolsOptions<T>) {
    this.#options = options;
    for (const interpreter of options.plan.interpreters) this.#kinds.set(interpreter.name, this.#kindOf(interpreter));
    // An agent that starts has more important things to do, and some end again soon.
    if (options.plan.least === undefined) this.rest(START_REST_MS);
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** One that waits, which is the caller's from now on. Counts as demand also when there is none. */
  take(interpreter: string): T | undefined {
    const kind = this.#kinds.get(interpreter);
    if (kind === undefined) return undefined;
    kind.demand.note(this.#options.clock.monotonicMs());
    this.#soon ??= setTimeout(() => this.#look(), LOOK_SOON_MS).unref();
    return kind.pool.take();
  }

  /** See `ReadyPool.rest`. */
  rest(ms: number): void {
    for (const { pool } of this.#kinds.values()) pool.rest(ms);
  }

  ready(): Map<string, number> {
    return new Map([...this.#kinds].map(([name, { pool }]) => [name, pool.size]));
  }

  /** Memory of those that wait and of those that are still to be made. */
  get heldBytes(): number {
    return [...this.#kinds.values()].reduce((sum, { pool, size, bytes }) => sum + Math.max(size, pool.size) * bytes, 0);
  }

  /** Drops all. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    for (const kind of this.#kinds.values()) {
      kind.size = 0;
      kind.pool.close();
    }
  }

  #kindOf(interpreter: WarmInterpreter): Kind<T> {
    const { make, drop, bytesOf, clock } = this.#options;
    const pool = new ReadyPool<T>({
      size: 0,
      make: async () => {
        const made = await make(interpreter);
        const bytes = made === undefined ? 0 : bytesOf(made);
        if (bytes > 0) kind.bytes = bytes + ENCLOSURE_BYTES;
        return made;
      },
      drop,
      clock,
    });
    const kind: Kind<T> = { demand: new Demand(clock.monotonicMs()), pool, size: 0, bytes: GUESSED_BYTES };
    return kind;
  }

  #look(): void {
    this.#soon = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    const { budgetBytes, least = 0 } = this.#options.plan;
    const kinds = [...this.#kinds.values()];
    const wishes = kinds.map(({ demand, bytes }) => ({ wanted: Math.max(least, demand.wanted(nowMs)), bytes, lastMs: demand.lastMs }));
    const sizes = share(Math.min(budgetBytes, freemem() / FREE_SHARE), wishes);
    for (const [index, kind] of kinds.entries()) {
      kind.size = sizes[index] ?? 0;
      kind.pool.resize(kind.size);
    }
  }
}
