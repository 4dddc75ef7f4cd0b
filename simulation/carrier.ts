import type { Process, VirtualTime } from "./virtual-time.ts";

/** One direction of a stream: what is under way, in order. */
export class Lane {
  readonly frames: (() => void)[] = [];
  lastMs = 0;
  frozenUntilMs = 0;
}

/**
 * What a reliable stream does to frames until it breaks: it delivers in order, and late when it is told to. While a lane is frozen nothing
 * arrives and nobody is told; what was sent arrives when it thaws.
 */
export class Carrier {
  readonly #time: VirtualTime;
  readonly #random: () => number;
  #lateUntilMs = 0;

  constructor(time: VirtualTime, random: () => number) {
    this.#time = time;
    this.#random = random;
  }

  freeze(lane: Lane, forMs: number): void {
    lane.frozenUntilMs = Math.max(lane.frozenUntilMs, this.#time.nowMs + forMs);
  }

  delay(forMs: number): void {
    this.#lateUntilMs = Math.max(this.#lateUntilMs, this.#time.nowMs + forMs);
  }

  heal(lanes: readonly Lane[]): void {
    this.#lateUntilMs = 0;
    for (const lane of lanes) lane.frozenUntilMs = 0;
  }

  /** The connection broke: what was under way is lost. */
  drop(lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      lane.frozenUntilMs = 0;
      lane.frames.length = 0;
    }
  }

  /** Each event takes the oldest frame of its direction, and waits while the lane is frozen. */
  carry(lane: Lane, to: Process, deliver: () => void): void {
    lane.frames.push(deliver);
    const { nowMs } = this.#time;
    const lateMs = nowMs < this.#lateUntilMs ? this.#random() * 4000 : 0;
    lane.lastMs = Math.max(lane.lastMs, nowMs + 0.2 + this.#random() * 2 + lateMs);
    this.#arrive(lane, to, lane.lastMs - nowMs);
  }

  #arrive(lane: Lane, to: Process, inMs: number): void {
    to.after(inMs, () => {
      const restMs = lane.frozenUntilMs - this.#time.nowMs;
      if (restMs > 0) this.#arrive(lane, to, Math.min(restMs, 1000));
      else lane.frames.shift()?.();
    });
  }
}
