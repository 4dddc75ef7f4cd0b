/**
 * Keeps a few things ready that take long to make, each to be used once.
 *
 *   resting → making → (one more ready) → resting … until full; then it sleeps until the oldest is too old.
 *
 * Invariants: at most one is being made. Whatever was made is taken, or dropped, exactly once; one that ends by itself is dropped.
 * Making begins only after a rest: it stops the process for milliseconds, and must not sit between an order and its start.
 * While orders keep coming without a pause nothing is made, and the caller goes without. How long a pause must be depends on how many
 * wait: orders that come one after the other are not held up, by a hiccup that looks like a pause, for the sake of a reserve that is still large.
 */
import { backoffMs } from "../../kernel/backoff.ts";
import type { Clock } from "../../kernel/clock.ts";

export interface Ending {
  /** Settles when the thing is of no use any more. */
  readonly ended: Promise<unknown>;
  /** On the clock of the pool. */
  readonly madeAtMs: number;
}

export interface ReadyPoolOptions<T extends Ending> {
  readonly size: number;
  /** Undefined or a rejection: it failed, to be tried again later. */
  readonly make: () => Promise<T | undefined>;
  /** Called once for each thing that nobody will take. */
  readonly drop: (made: T) => void;
  readonly clock: Clock;
}

/** Without an order for this long a reserve is filled up to the last one; with a part of it left, that part of the time is enough. */
const PATIENCE_MS = 250;
const RETRY_BASE_MS = 200;
const RETRY_CAP_MS = 30_000;
/** What was made is a picture of the host at that time (resolv.conf, certificates): older ones are replaced. */
const MAX_AGE_MS = 10 * 60_000;

export class ReadyPool<T extends Ending> {
  readonly #options: ReadyPoolOptions<T>;
  #wanted: number;
  /** The oldest first. */
  #ready: T[] = [];
  #making = false;
  #closed = false;
  #failures = 0;
  /** On the clock: the end of the rest, of the wait after a failure, and the last order. */
  #restedAtMs = 0;
  #retryAtMs = 0;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReadyPoolOptions<T>) {
    this.#options = options;
    this.#wanted = options.size;
    this.#schedule();
  }

  /** How many wait. */
  get size(): number {
    return this.#ready.length;
  }

  /** The oldest one, which is the caller's from now on. */
  take(): T | undefined {
    const taken = this.#ready.shift();
    this.#takenAtMs = this.#options.clock.monotonicMs();
    if (taken !== undefined) this.#failures = 0;
    this.#schedule();
    return taken;
  }

  /** Keeps another number ready from now on; the oldest of too many are dropped. */
  resize(size: number): void {
    if (size === this.#wanted || this.#closed) return;
    this.#wanted = size;
    for (const made of this.#ready.splice(0, Math.max(0, this.#ready.length - size))) this.#options.drop(made);
    this.#schedule();
  }

  /** Makes nothing for this long: there is more important work. */
  rest(ms: number): void {
    this.#restedAtMs = this.#options.clock.monotonicMs() + ms;
  }

  /** Drops all; one that is being made is dropped when it is done. Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const made of this.#ready.splice(0)) this.#options.drop(made);
  }

  #keep(made: T): void {
    this.#ready.push(made);
    const gone = (): void => {
      const index = this.#ready.indexOf(made);
      if (index === -1) return;
      this.#ready.splice(index, 1);
      this.#options.drop(made);
      this.#failed();
      this.#schedule();
    };
    made.ended.then(gone, gone);
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#making) return;
    const [oldest] = this.#ready;
    const isFull = this.#ready.length >= this.#wanted;
    if (isFull && oldest === undefined) return;
    const dueMs = isFull && oldest !== undefined ? oldest.madeAtMs + MAX_AGE_MS : this.#mayMakeAtMs();
    this.#timer = setTimeout(() => this.#look(), Math.max(1, dueMs - this.#options.clock.monotonicMs()));
    // A pool is no reason to stay alive.
    this.#timer.unref();
  }

  #look(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const [oldest] = this.#ready;
    if (oldest !== undefined && nowMs - oldest.madeAtMs >= MAX_AGE_MS) {
      this.#ready.shift();
      this.#options.drop(oldest);
    }
    if (nowMs >= this.#mayMakeAtMs() && this.#ready.length < this.#wanted) void this.#make();
    else this.#schedule();
  }

  #mayMakeAtMs(): number {
    const left = this.#wanted === 0 ? 0 : this.#ready.length / this.#wanted;
    return Math.max(this.#restedAtMs, this.#retryAtMs, this.#takenAtMs + left * PATIENCE_MS);
  }

  async #make(): Promise<void> {
    this.#making = true;
    const made = await this.#options.make().catch(() => undefined);
    this.#making = false;
    if (made === undefined) this.#failed();
    else if (this.#closed || this.#ready.length >= this.#wanted) this.#options.drop(made);
    else this.#keep(made);
    this.#schedule();
  }

  /** Being taken proves that things are well again; being made does not, for it may end at once. */
  #failed(): void {
    this.#failures += 1;
    this.#retryAtMs = this.#options.clock.monotonicMs() + backoffMs(this.#failures - 1, RETRY_BASE_MS, RETRY_CAP_MS, Math.random());
  }
}
