import type { Clock } from "../../kernel/clock.ts";
import type { StartAttempt } from "../session/attempts.ts";
import type { Conduct } from "./conduct.ts";
import { whenEnded } from "./when-ended.ts";

export interface ShiftOptions {
  readonly conduct: Conduct;
  readonly clock: Clock;
  /** 0: no limit. */
  readonly maxJobs: number;
  /** 0: never. */
  readonly exitWhenIdleS: number;
  readonly isConnected: () => boolean;
  /** The agent should drain and end. May be called more than once. */
  readonly onOver: (why: string) => void;
}

const LOOK_MS = 250;

/** Counts what an agent does that is meant to end by itself: after so many jobs, or so long without one. */
export class Shift {
  readonly #options: ShiftOptions;
  #taken = 0;
  #active = 0;
  #idleSinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ShiftOptions) {
    this.#options = options;
  }

  start(): void {
    this.#limit();
    if (this.#options.exitWhenIdleS > 0) this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The same executor, counted. */
  watch(start: StartAttempt): StartAttempt {
    const counted = whenEnded(start, (outcome) => {
      this.#active -= 1;
      this.#idleSinceMs = undefined;
      this.#limit();
      return outcome;
    });
    return (bundle, io) => {
      const running = counted(bundle, io);
      this.#taken += 1;
      this.#active += 1;
      this.#limit();
      return running;
    };
  }

  /** No more slots than jobs that may still come, beside those that run. It is over when the last one has ended: a drain gives what runs only so long. */
  #limit(): void {
    const { conduct, maxJobs, onOver } = this.#options;
    if (maxJobs === 0) return;
    const left = Math.max(0, maxJobs - this.#taken);
    conduct.hinder("ending", `it ends after ${maxJobs} jobs`, this.#active + left);
    if (left === 0 && this.#active === 0) onOver(`it has run ${maxJobs} jobs`);
  }

  #look(): void {
    const { clock, exitWhenIdleS, isConnected, onOver } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#active > 0 || !isConnected()) {
      this.#idleSinceMs = undefined;
      return;
    }
    this.#idleSinceMs ??= nowMs;
    if (nowMs - this.#idleSinceMs >= exitWhenIdleS * 1000) onOver(`it had no job for ${exitWhenIdleS} s`);
  }
}
