import type { FlushResult } from "../control-plane/jobs/flush-store.ts";
import type { FlushLink } from "../control-plane/jobs/flush-writer.ts";
import type { FlushOperation } from "../control-plane/jobs/model.ts";
import type { Lease } from "../control-plane/scheduler/lease-store.ts";
import { AppError } from "../kernel/app-error.ts";
import { ModelStore, type StoreWatch } from "./model-store.ts";
import { Process, type VirtualTime } from "./virtual-time.ts";

/** What goes to the database: a query of an ordinary pool by its name, or a flush. */
export interface Asked {
  readonly process: Process;
  readonly name: string;
  readonly operations: readonly FlushOperation[];
}

/** What a directed world does to it, on top of what chance does. */
export interface Meddling {
  /** It reaches the database so much later. */
  readonly lateMs?: number;
  /** Its answer comes so much later. */
  readonly answerLateMs?: number;
  /** It never arrives: an error. */
  readonly lost?: boolean;
}

const unavailable = (why: string): AppError => new AppError("unavailable", why, { retryAfterS: 1 });

interface FlushAnswer {
  readonly resolve: (result: FlushResult) => void;
  readonly reject: (error: unknown) => void;
  readonly stopped: () => boolean;
}

/**
 * The way to the store and its faults: latency, restarts of Postgres, processes that are cut off from it. A query that meets a fault may
 * have been executed or not; the ordinary pools report an error then, the hot connections find out and try again (flush-store.ts).
 */
export class Database {
  readonly store: ModelStore;
  readonly #process: Process;
  readonly #random: () => number;
  readonly #time: VirtualTime;
  /** Processes without a way to Postgres until that moment. */
  readonly #cutOff = new Map<Process, number>();
  #downUntilMs = 0;
  #slowUntilMs = 0;
  #isCalm = false;
  /** Set by directed worlds. */
  meddle: (asked: Asked) => Meddling | undefined = () => undefined;

  constructor(time: VirtualTime, random: () => number, watch: StoreWatch) {
    this.#time = time;
    this.#random = random;
    this.#process = new Process(time, "postgres");
    this.store = new ModelStore(watch, () => time.nowMs);
  }

  restart(forMs: number): void {
    this.#downUntilMs = Math.max(this.#downUntilMs, this.#time.nowMs + forMs);
  }

  slow(forMs: number): void {
    this.#slowUntilMs = Math.max(this.#slowUntilMs, this.#time.nowMs + forMs);
  }

  cutOff(process: Process, forMs: number): void {
    this.#cutOff.set(process, this.#time.nowMs + forMs);
  }

  heal(): void {
    this.#downUntilMs = 0;
    this.#slowUntilMs = 0;
    this.#cutOff.clear();
    this.meddle = () => undefined;
  }

  /** From now on every query is answered, and soon. */
  calm(): void {
    this.#isCalm = true;
  }

  /** A query of an ordinary pool. @param tail how many of the answers take long */
  query<T>(process: Process, name: string, run: () => T, tail = 0.1): Promise<T> {
    const { lateMs = 0, answerLateMs = 0, lost = false } = this.meddle({ process, name, operations: [] }) ?? {};
    return new Promise((resolve, reject) => {
      const failLater = (): void => void process.after(1000 + this.#random() * 4000, () => reject(unavailable("no answer from the database")));
      this.#process.after(this.#latencyMs() + lateMs, () => {
        if (lost || !this.#reaches(process)) {
          failLater();
          return;
        }
        let answer: () => void;
        try {
          const rows = run();
          answer = () => resolve(rows);
        } catch (error) {
          answer = () => reject(error);
        }
        const dice = this.#random();
        // Some answers take long, and some never come.
        process.after(this.#latencyMs() + answerLateMs + (dice < tail && !this.#isCalm ? this.#random() * 800 : 0), () => {
          if (this.#reaches(process) && (dice < 0.97 || this.#isCalm)) answer();
          else failLater();
        });
      });
    });
  }

  /** One hot connection of an owner. */
  link(process: Process, lease: Lease): FlushLink {
    let stopped = false;
    let giveUp: ((error: unknown) => void) | undefined;
    const close = (): void => {
      stopped = true;
      giveUp?.(unavailable("the control plane is shutting down"));
    };
    return {
      open: () => Promise.resolve(),
      close: () => {
        close();
        return Promise.resolve();
      },
      run: (_lane, operations) =>
        new Promise<FlushResult>((resolve, reject) => {
          giveUp = reject;
          if (stopped) close();
          else this.#meddled(process, lease, operations, { resolve, reject, stopped: () => stopped });
        }),
    };
  }

  #meddled(process: Process, lease: Lease, operations: readonly FlushOperation[], answer: FlushAnswer): void {
    const { lateMs = 0, answerLateMs = 0 } = this.meddle({ process, name: "flush", operations }) ?? {};
    const later = (result: () => void): void => {
      if (answerLateMs > 0) process.after(answerLateMs, result);
      else result();
    };
    const flush = (): void =>
      this.#flush(process, lease, operations, {
        ...answer,
        resolve: (result) => later(() => answer.resolve(result)),
        reject: (error) => later(() => answer.reject(error)),
      });
    if (lateMs > 0) this.#process.after(lateMs, flush);
    else flush();
  }

  /** A flush is executed once, however often the connection breaks: before it arrives it is sent again, after it the answer is looked up. */
  #flush(process: Process, lease: Lease, operations: readonly FlushOperation[], answer: FlushAnswer): void {
    this.#process.after(this.#latencyMs() + this.#brokenMs(), () => {
      if (!this.#reaches(process)) {
        // A process that died does not try again; one that closed the connection neither.
        process.after(50 + this.#random() * 950, () => {
          if (!answer.stopped()) this.#flush(process, lease, operations, answer);
        });
        return;
      }
      let reply: () => void;
      try {
        const result = this.store.flush(lease, operations);
        reply = () => answer.resolve(result);
      } catch (error) {
        reply = () => answer.reject(error);
      }
      this.#reply(process, reply);
    });
  }

  #reply(process: Process, reply: () => void): void {
    process.after(this.#latencyMs() + this.#brokenMs(), () => {
      if (this.#reaches(process)) reply();
      else process.after(50 + this.#random() * 950, () => this.#reply(process, reply));
    });
  }

  /** The connection broke and a new one is made: before the commit to send again, after it to find out what became of it. */
  #brokenMs(): number {
    return this.#random() < 0.03 && !this.#isCalm ? 100 + this.#random() * 2000 : 0;
  }

  #reaches(process: Process): boolean {
    const { nowMs } = this.#time;
    return nowMs >= this.#downUntilMs && nowMs >= (this.#cutOff.get(process) ?? 0);
  }

  /** Mostly a millisecond, sometimes much more, so that commits overtake each other. */
  #latencyMs(): number {
    const dice = this.#random();
    const base = 0.2 + dice * 1.5;
    if (this.#time.nowMs < this.#slowUntilMs) return base + this.#random() * 3000;
    return dice > 0.97 ? base + this.#random() * 200 : base;
  }
}
