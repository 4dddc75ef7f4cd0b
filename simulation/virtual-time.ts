import type { Clock } from "../kernel/clock.ts";
import { Heap } from "../kernel/heap.ts";

/** Wall clock at the beginning of a run, milliseconds since the epoch. */
export const EPOCH_MS = 1_800_000_000_000;

/**
 * A process of the simulated world: what runs in it sees its clocks. It may die (nothing of it runs any more), be stopped (SIGSTOP:
 * all that is due waits, clocks go on) and its wall clock may be stepped.
 */
export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly #time: VirtualTime;
  /** What became due while it was stopped. */
  readonly #parked: Timer[] = [];
  #stoppedUntilMs = 0;
  /** The latest that its wall clock showed before it was set back. */
  #setBackMs = 0;
  alive = true;
  wallOffsetMs = 0;
  /** Time that its monotonic clock missed: a suspended machine. */
  sleptMs = 0;

  constructor(time: VirtualTime, name: string) {
    this.#time = time;
    this.name = name;
    this.clock = { wallMs: () => EPOCH_MS + this.#time.nowMs + this.wallOffsetMs, monotonicMs: () => 1_000_000 + this.#time.nowMs - this.sleptMs };
  }

  get stopped(): boolean {
    return this.#stoppedUntilMs > this.#time.nowMs;
  }

  /** Somebody sets the wall clock. */
  stepWall(byMs: number): void {
    this.#setBackMs = this.latestWallMs();
    this.wallOffsetMs += byMs;
  }

  /** The latest moment that its wall clock has ever shown. */
  latestWallMs(): number {
    return Math.max(this.#setBackMs, this.clock.wallMs());
  }

  /**
   * SIGSTOP, and SIGCONT after that time.
   * @param timersLast it was stopped between the timers and the connections of a turn of its event loop: what has arrived meanwhile comes first
   */
  stop(forMs: number, timersLast = false): void {
    const untilMs = this.#time.nowMs + forMs;
    if (untilMs <= this.#stoppedUntilMs) return;
    this.#stoppedUntilMs = untilMs;
    this.#time.world.after(forMs, () => {
      if (!this.stopped) this.resume(timersLast);
    });
  }

  resume(timersLast = false): void {
    this.#stoppedUntilMs = 0;
    const parked = this.#parked.splice(0);
    if (timersLast) parked.sort((a, b) => Number(a.isAlarm) - Number(b.isAlarm));
    for (const timer of parked) this.#time.again(timer);
  }

  park(timer: Timer): void {
    this.#parked.push(timer);
  }

  after(delayMs: number, run: () => void, isAlarm = false): Timer {
    return this.#time.schedule(this, delayMs, run, isAlarm);
  }
}

/** What setTimeout and its like return here, and everything else that is to happen. */
export class Timer {
  atMs: number;
  order: number;
  readonly process: Process;
  readonly run: () => void;
  /** Set by the code itself; all else comes over connections. */
  isAlarm = false;
  cancelled = false;

  constructor(atMs: number, order: number, process: Process, run: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.process = process;
    this.run = run;
  }

  unref(): this {
    return this;
  }
}

/** Events between two turns of the real event loop. */
const LOOP_EVERY = 32;

const REAL = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  now: performance.now.bind(performance),
  dateNow: Date.now,
  random: Math.random,
};

/**
 * Time of a simulated world. Events run one after the other, ordered by their time and then by the order in which they were asked for;
 * between two events all promises settle. While a world runs, the timers, clocks and random numbers of this thread are its own, so that
 * production code needs no seam: a call of setTimeout belongs to the process whose event is running.
 */
export class VirtualTime {
  readonly #events = new Heap<Timer>((a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order));
  readonly #random: () => number;
  /** Never stopped; for what no process does. */
  readonly world: Process;
  #order = 0;
  #current: Process;
  nowMs = 0;
  events = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.world = new Process(this, "world");
    this.#current = this.world;
  }

  get current(): Process {
    return this.#current;
  }

  /** @param isAlarm a timer of the code, as setTimeout makes */
  schedule(process: Process, delayMs: number, run: () => void, isAlarm = false): Timer {
    this.#order += 1;
    const timer = new Timer(this.nowMs + Math.max(0, delayMs), this.#order, process, run);
    timer.isAlarm = isAlarm;
    this.#events.push(timer);
    return timer;
  }

  /** Puts an event that waited for its process back, behind what is due now. */
  again(timer: Timer): void {
    this.#order += 1;
    timer.order = this.#order;
    timer.atMs = this.nowMs;
    this.#events.push(timer);
  }

  /**
   * Runs events until that moment.
   * @param after called after each event; true ends the run
   * @param thrown called for what the event threw or rejected without anybody to catch it: it would have ended the process
   */
  async run(untilMs: number, after: (process: Process) => boolean, thrown: (error: unknown) => void): Promise<void> {
    const restore = this.#install();
    process.on("uncaughtException", thrown).on("unhandledRejection", thrown);
    try {
      for (;;) {
        const next = this.#events.peek();
        if (next === undefined || next.atMs > untilMs) break;
        this.#events.pop();
        if (next.cancelled || !next.process.alive) continue;
        this.nowMs = next.atMs;
        if (next.process.stopped) {
          next.process.park(next);
          continue;
        }
        await this.#step(next, thrown);
        if (after(next.process)) return;
      }
      this.nowMs = Math.max(this.nowMs, untilMs);
    } finally {
      await new Promise((resolve) => REAL.setImmediate(resolve));
      restore();
      process.off("uncaughtException", thrown).off("unhandledRejection", thrown);
    }
  }

  async #step(event: Timer, thrown: (error: unknown) => void): Promise<void> {
    this.events += 1;
    this.#current = event.process;
    try {
      event.run();
    } catch (error) {
      thrown(error);
    }
    // Every promise that can settle has settled before the next tick. A turn of the real event loop takes three times as long; only in one
    // does Node report rejections that nobody has caught.
    await new Promise<void>((resolve) => {
      if (this.events % LOOP_EVERY === 0) REAL.setImmediate(resolve);
      else process.nextTick(resolve);
    });
  }

  #install(): () => void {
    const later = (run: (...args: unknown[]) => void, delayMs: number | undefined, args: unknown[]): Timer =>
      this.schedule(this.#current, Math.max(1, delayMs ?? 1), () => run(...args), true);
    const cancel = (timer: unknown): void => {
      if (timer instanceof Timer) timer.cancelled = true;
      else if (timer instanceof Repeating) timer.stop();
    };
    const put = (fields: Record<string, unknown>): void => void Object.assign(globalThis, fields);
    put({
      setTimeout: (run: () => void, delayMs?: number, ...args: unknown[]) => later(run, delayMs, args),
      setImmediate: (run: () => void, ...args: unknown[]) => this.schedule(this.#current, 0, () => (run as (...args: unknown[]) => void)(...args)),
      setInterval: (run: () => void, delayMs: number) => new Repeating(this.#current, Math.max(1, delayMs), run),
      clearTimeout: cancel,
      clearInterval: cancel,
    });
    performance.now = () => this.#current.clock.monotonicMs();
    Date.now = () => this.#current.clock.wallMs();
    Math.random = this.#random;
    return () => {
      const { now, dateNow, random, ...timers } = REAL;
      put(timers);
      performance.now = now;
      Date.now = dateNow;
      Math.random = random;
    };
  }
}

class Repeating {
  #timer: Timer;

  constructor(process: Process, everyMs: number, run: () => void) {
    const again = (): void => {
      this.#timer = process.after(everyMs, again, true);
      run();
    };
    this.#timer = process.after(everyMs, again, true);
  }

  stop(): void {
    this.#timer.cancelled = true;
  }

  unref(): this {
    return this;
  }
}
