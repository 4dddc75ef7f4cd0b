import type { Readable } from "node:stream";
import { BEGUN } from "./launcher.ts";

/**
 * The agent's end of fd 5. The first byte comes from the launcher and says that set-up is over; the rest is the
 * wrapper's record, kept up to a cap. What exceeds the cap is read and dropped, so that the script does not block on it.
 */
export class RecordChannel {
  readonly ended: Promise<void>;
  #begun = false;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #overflowed = false;

  constructor(stream: Readable, maxBytes: number, onBegun: () => void) {
    stream.on("data", (data: Buffer) => {
      let rest = data;
      if (!this.#begun) {
        if (rest[0] !== BEGUN) return;
        this.#begun = true;
        rest = rest.subarray(1);
        onBegun();
      }
      const room = maxBytes - this.#bytes;
      if (rest.length > room) this.#overflowed = true;
      const kept = rest.subarray(0, Math.max(0, room));
      if (kept.length === 0) return;
      this.#pieces.push(kept);
      this.#bytes += kept.length;
    });
    this.ended = new Promise((resolve) => {
      stream.on("error", () => undefined);
      stream.once("close", () => resolve());
    });
  }

  get begun(): boolean {
    return this.#begun;
  }

  get overflowed(): boolean {
    return this.#overflowed;
  }

  take(): Buffer {
    const record = Buffer.concat(this.#pieces);
    this.#pieces = [];
    return record;
  }
}
