import { FRAME_SOFT_BYTES } from "../../kernel/protocol.ts";

/** The part of a gRPC stream that sends. */
export interface FrameSink<F> {
  write(frame: F): boolean;
  on(event: "drain", listener: () => void): unknown;
}

interface Open<F> {
  readonly frame: F;
  bytes: number;
}

/** A peer that takes nothing for so long is given up. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/**
 * What waits to be sent over one link. All that is said in one turn of the event loop goes into one frame, and while the stream is full
 * frames grow up to the soft limit; order is kept from frame to frame.
 */
export class FrameQueue<F> {
  readonly #sink: FrameSink<F>;
  readonly #empty: () => F;
  readonly #onOverflow: () => void;
  #frames: Open<F>[] = [];
  #bytes = 0;
  #scheduled = false;
  #blocked = false;
  #closed = false;

  constructor(sink: FrameSink<F>, empty: () => F, onOverflow: () => void) {
    this.#sink = sink;
    this.#empty = empty;
    this.#onOverflow = onOverflow;
    sink.on("drain", () => {
      this.#blocked = false;
      this.#schedule();
    });
  }

  /** True while frames have not left yet. */
  get isBehind(): boolean {
    return this.#blocked;
  }

  /** @param bytes about what the entry takes on the wire */
  add(bytes: number, put: (frame: F) => void): void {
    if (this.#closed) return;
    let last = this.#frames.at(-1);
    if (last === undefined || (last.bytes > 0 && last.bytes + bytes > FRAME_SOFT_BYTES)) {
      last = { frame: this.#empty(), bytes: 0 };
      this.#frames.push(last);
    }
    put(last.frame);
    last.bytes += bytes;
    this.#bytes += bytes;
    if (this.#bytes > MAX_QUEUED_BYTES) this.#onOverflow();
    else this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#frames = [];
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      while (!this.#blocked && !this.#closed) {
        const next = this.#frames.shift();
        if (next === undefined) return;
        this.#bytes -= next.bytes;
        this.#blocked = !this.#sink.write(next.frame);
      }
    });
  }
}
