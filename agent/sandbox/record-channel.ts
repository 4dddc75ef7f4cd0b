import type { Readable } from "node:stream";
import { BEGUN, READY } from "./launcher.ts";

/**
 * The agent's end of fd 5. The first bytes come from the launcher: perhaps that it waits, then that set-up is over. The rest is the
 * wrapper's record, kept up to a cap. What exceeds the cap is read and dropped, so that the script does not block on it.
 */
export class RecordChannel {
  readonly ended: Promise<void>;
  /** To be set before the script begins. */
  maxBytes = 0;
  /** Takes what comes after the beginning, instead of its being kept. To be set before the script begins. */
  onData: ((data: Buffer) => void) | undefined;
  #begun = false;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #overflowed = false;

  constructor(stream: Readable, on: { ready(): void; begun(): void }) {
    stream.on("data", (data: Buffer) => {
      let rest = data;
      while (!this.#begun && rest.length > 0) {
        if (rest[0] === BEGUN) {
          this.#begun = true;
          on.begun();
        } else if (rest[0] === READY) on.ready();
        else return;
        rest = rest.subarray(1);
      }
      this.#keep(rest);
    });
    this.ended = new Promise((resolve) => {
      stream.on("error", () => undefined);
      stream.once("end", () => resolve());
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

  #keep(data: Buffer): void {
    if (this.onData !== undefined) {
      if (data.length > 0) this.onData(data);
      return;
    }
    const room = this.maxBytes - this.#bytes;
    if (data.length > room) this.#overflowed = true;
    const kept = data.subarray(0, Math.max(0, room));
    if (kept.length === 0) return;
    this.#pieces.push(kept);
    this.#bytes += kept.length;
  }
}
