import type { Readable } from "node:stream";
import type { OutputStream } from "../runner/attempt-types.ts";

type Deliver = (stream: OutputStream, data: Buffer) => Promise<void> | undefined;

/** Output that arrives before the script has begun; more than bwrap or the launcher would ever say. */
const HELD_MAX_BYTES = 64 * 1024;

/**
 * Brings stdout and stderr to one receiver in the order of reading.
 * Modes: *held* (before the script has begun, a bounded buffer), *flowing*, *paused* (the receiver gave a promise: both
 * pipes stop until it resolves, the kernel's pipe fills, the script blocks), *discarding* (after `cut`).
 */
export class OutputPump {
  /** Resolves when both pipes have ended. */
  readonly ended: Promise<void>;
  readonly #streams: readonly Readable[];
  readonly #deliver: Deliver;
  #held: { stream: OutputStream; data: Buffer }[] | undefined = [];
  #heldBytes = 0;
  /** Resolves when what was held has been taken. */
  #handedOver: Promise<void> = Promise.resolve();
  #paused = false;
  #cut = false;
  /** Grows with each chunk: tells the drain that something is still coming. */
  #chunks = 0;

  constructor(stdout: Readable, stderr: Readable, deliver: Deliver) {
    this.#streams = [stdout, stderr];
    this.#deliver = deliver;
    stdout.on("data", (data: Buffer) => this.#take(0, data));
    stderr.on("data", (data: Buffer) => this.#take(1, data));
    this.ended = Promise.all(this.#streams.map(untilClosed)).then(() => undefined);
  }

  /** The script has begun: hands over what was held, then lets everything through. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#handedOver = this.#flush(held);
  }

  /** The beginning of what was held: bwrap's own complaint when set-up failed. */
  heldText(): string {
    return Buffer.concat((this.#held ?? []).map((piece) => piece.data))
      .toString("utf8")
      .trim();
  }

  /**
   * To be called when the process is gone: reads what the pipes still hold. Ends early when nothing came for `idleMs`
   * while the receiver was ready (a process that escaped holds the pipe), or after `limitMs` in any case.
   * @returns true when something may have been left unread
   */
  async drain(idleMs: number, limitMs: number): Promise<boolean> {
    const startedMs = performance.now();
    const over = Promise.all([this.ended, this.#handedOver]);
    let seen = -1;
    for (;;) {
      if (await settlesWithin(over, idleMs)) return false;
      const idle = seen === this.#chunks && !this.#paused;
      if (idle || performance.now() - startedMs > limitMs) break;
      seen = this.#chunks;
    }
    this.cut();
    return true;
  }

  /** Stops reading for good. */
  cut(): void {
    this.#cut = true;
    for (const stream of this.#streams) stream.destroy();
  }

  #take(stream: OutputStream, data: Buffer): void {
    if (this.#cut) return;
    this.#chunks += 1;
    if (this.#held !== undefined) {
      this.#held.push({ stream, data });
      this.#heldBytes += data.length;
      if (this.#heldBytes > HELD_MAX_BYTES) this.#pause();
      return;
    }
    const wait = this.#deliver(stream, data);
    if (wait !== undefined) this.#waitFor(wait);
  }

  async #flush(held: { stream: OutputStream; data: Buffer }[]): Promise<void> {
    if (held.length === 0) return;
    this.#pause();
    for (const piece of held) await this.#deliver(piece.stream, piece.data)?.catch(() => undefined);
    this.#resume();
  }

  #waitFor(wait: Promise<void>): void {
    this.#pause();
    const resume = (): void => this.#resume();
    wait.then(resume, resume);
  }

  #pause(): void {
    this.#paused = true;
    for (const stream of this.#streams) stream.pause();
  }

  #resume(): void {
    this.#paused = false;
    for (const stream of this.#streams) stream.resume();
  }
}

function untilClosed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    // A read error on a pipe of ours means the same as its end: nothing more comes. The end itself is known a turn of the event loop before the close.
    stream.on("error", () => undefined);
    stream.once("end", () => resolve());
    stream.once("close", () => resolve());
  });
}

/** True when the promise settles in time. */
export function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const settled = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
