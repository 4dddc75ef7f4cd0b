const NEWLINE = 0x0a;
const PIECES = 1_024;

/**
 * Remembers the last line of a stream that is not blank, in bounded memory, without looking at every byte of a flood: of each
 * piece only the tail is searched.
 */
export class LastLine {
  readonly #maxBytes: number;
  /** The line being written. */
  #open: Buffer[] = [];
  #openBytes = 0;
  #openIsBlank = true;
  #last: Buffer = Buffer.alloc(0);
  #lastTooLong = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(data: Buffer): void {
    const lastBreak = data.lastIndexOf(NEWLINE);
    if (lastBreak === -1) {
      this.#append(data);
      return;
    }
    const complete = data.subarray(0, lastBreak);
    const inside = lastLineOf(complete);
    if (inside === undefined || inside.start === 0) {
      // The only line with something in it is the one that earlier pieces began.
      const end = complete.indexOf(NEWLINE);
      this.#append(end === -1 ? complete : complete.subarray(0, end));
      this.#closeOpen();
    } else {
      this.#reset();
      this.#append(complete.subarray(inside.start, inside.end));
      this.#closeOpen();
    }
    this.#append(data.subarray(lastBreak + 1));
  }

  /** The line's text (bytes that are not UTF-8 replaced), `too_long` when it exceeds the bound, undefined when there is none. */
  end(): string | "too_long" | undefined {
    this.#closeOpen();
    if (this.#lastTooLong) return "too_long";
    const text = this.#last.toString("utf8").trim();
    return text === "" ? undefined : text;
  }

  #append(data: Buffer): void {
    if (data.length === 0) return;
    if (this.#openIsBlank) this.#openIsBlank = isBlank(data);
    this.#openBytes += data.length;
    if (this.#openBytes > this.#maxBytes) return;
    this.#open.push(data);
    // A line that comes byte by byte must not become millions of buffers.
    if (this.#open.length > PIECES) this.#open = [Buffer.concat(this.#open)];
  }

  #closeOpen(): void {
    if (!this.#openIsBlank) {
      this.#lastTooLong = this.#openBytes > this.#maxBytes;
      this.#last = this.#lastTooLong ? Buffer.alloc(0) : Buffer.concat(this.#open);
    }
    this.#reset();
  }

  #reset(): void {
    this.#open = [];
    this.#openBytes = 0;
    this.#openIsBlank = true;
  }
}

/** Bounds of the last line that is not blank. */
function lastLineOf(data: Buffer): { start: number; end: number } | undefined {
  for (let end = data.length; end >= 0; ) {
    const start = end === 0 ? 0 : data.lastIndexOf(NEWLINE, end - 1) + 1;
    if (!isBlank(data.subarray(start, end))) return { start, end };
    end = start - 1;
  }
  return undefined;
}

function isBlank(data: Buffer): boolean {
  for (const byte of data) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== NEWLINE) return false;
  return true;
}
