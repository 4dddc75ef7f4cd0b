import { closeSync, ftruncateSync, openSync, readSync, renameSync, rmSync, unlinkSync, writeSync } from "node:fs";
import { LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import { encodeRecord, openRecord, RECORD_HEADER_BYTES, recordSize } from "../journal/record-codec.ts";

/** Acknowledged bytes at the front of a file that make it worth copying the rest to a new one. */
const COMPACT_FROM_BYTES = 64 * 1024 * 1024;

interface Sent {
  readonly seq: number;
  readonly size: number;
}

/**
 * The chunks of one attempt on disk, in three runs: acknowledged | sent | unsent. Only the sizes of what is sent and a
 * bounded cache of what comes next are in memory; the rest is read back in order. Not synced: when the host goes down the
 * attempt goes down with it.
 *
 * An empty record marks the end of the output. A file that has it belongs to an attempt that ended.
 */
export class SpoolFile {
  readonly #path: string;
  #fd: number;
  #end = 0;
  #acknowledgedTo = 0;
  #readAt = 0;
  #nextUnsent = 0;
  #nextSeq = 0;
  #sent: Sent[] = [];
  #sentBytes = 0;
  /** The first unsent chunks, if they are still in memory. */
  #cached: { readonly chunk: LogChunk; readonly size: number }[] = [];
  #cachedBytes = 0;
  #ended = false;
  /** Acknowledged bytes at the front from which on the rest is copied; more after a copy that found no room. */
  #compactFromBytes = COMPACT_FROM_BYTES;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  static create(path: string): SpoolFile {
    return new SpoolFile(path, openSync(path, "w+", 0o600));
  }

  /** Opens a file that an earlier process left. A torn tail is cut off. Undefined when it holds nothing to send. */
  static recover(path: string): SpoolFile | undefined {
    const file = new SpoolFile(path, openSync(path, "r+"));
    let first: number | undefined;
    for (;;) {
      const record = file.#readRecord(file.#end);
      if (record === undefined) break;
      file.#end += record.size;
      if (record.chunk === undefined) {
        file.#ended = true;
        break;
      }
      first ??= record.chunk.seq;
      file.#nextSeq = record.chunk.seq + 1;
    }
    if (first === undefined) {
      file.remove();
      return undefined;
    }
    ftruncateSync(file.#fd, file.#end);
    file.#nextUnsent = first;
    return file;
  }

  get hasUnsent(): boolean {
    return this.#nextUnsent < this.#nextSeq;
  }

  get isAcknowledged(): boolean {
    return !this.hasUnsent && this.#sent.length === 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** On disk and not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.#end - this.#acknowledgedTo;
  }

  /** Sent and not acknowledged. */
  get inFlightBytes(): number {
    return this.#sentBytes;
  }

  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  /** Writes the next chunk. It stays in memory too when `mayCache` and all unsent chunks before it are there. */
  append(chunk: LogChunk, mayCache: boolean): void {
    const record = encodeRecord(LogChunk.encode(chunk).finish());
    const allCached = this.#cached.length === this.#nextSeq - this.#nextUnsent;
    this.#write(record);
    this.#nextSeq = chunk.seq + 1;
    if (!mayCache || !allCached) return;
    this.#cached.push({ chunk, size: record.length });
    this.#cachedBytes += record.length;
  }

  /** Writes the end mark: the file survives the process even when the result has been acknowledged before the output. */
  markEnded(): void {
    if (this.#ended) return;
    this.#ended = true;
    const record = encodeRecord(Buffer.alloc(0));
    writeFully(this.#fd, record, this.#end);
  }

  /** The next unsent chunk, now counted as sent. Undefined when there is none, or when it went bad on disk (then the rest is given up). */
  next(): LogChunk | undefined {
    if (!this.hasUnsent) return undefined;
    const cached = this.#cached.shift();
    const found = cached ?? this.#readRecord(this.#readAt);
    if (cached !== undefined) this.#cachedBytes -= cached.size;
    if (found?.chunk === undefined) {
      this.#nextUnsent = this.#nextSeq;
      this.#reclaim();
      return undefined;
    }
    this.#readAt += found.size;
    this.#nextUnsent = found.chunk.seq + 1;
    this.#sent.push({ seq: found.chunk.seq, size: found.size });
    this.#sentBytes += found.size;
    return found.chunk;
  }

  /** Chunks below `nextSeq` are durable at the server. It may know more than this process has sent: an acknowledgement was lost. */
  acknowledge(nextSeq: number): void {
    let done = 0;
    for (const sent of this.#sent) {
      if (sent.seq >= nextSeq) break;
      this.#acknowledgedTo += sent.size;
      this.#sentBytes -= sent.size;
      done += 1;
    }
    if (done > 0) this.#sent.splice(0, done);
    while (this.#sent.length === 0 && this.hasUnsent && this.#nextUnsent < nextSeq) {
      if (this.next() === undefined) break;
      const skipped = this.#sent.pop();
      this.#acknowledgedTo += skipped?.size ?? 0;
      this.#sentBytes = 0;
    }
    this.#reclaim();
  }

  /** The stream is gone: what was sent and not acknowledged is unsent again. */
  rewind(): void {
    const first = this.#sent[0];
    if (first === undefined) return;
    this.#nextUnsent = first.seq;
    this.#readAt = this.#acknowledgedTo;
    this.#sent = [];
    this.#sentBytes = 0;
    this.#cached = [];
    this.#cachedBytes = 0;
  }

  /** Closes without removing: the process ends. */
  close(): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }

  remove(): void {
    if (this.#fd === -1) return;
    this.close();
    unlinkSync(this.#path);
  }

  #write(record: Buffer): void {
    writeFully(this.#fd, record, this.#end);
    this.#end += record.length;
  }

  #readRecord(offset: number): { readonly chunk: LogChunk | undefined; readonly size: number } | undefined {
    const header = Buffer.alloc(RECORD_HEADER_BYTES);
    if (readSync(this.#fd, header, 0, header.length, offset) < header.length) return undefined;
    const size = recordSize(header);
    if (size === undefined) return undefined;
    const record = Buffer.allocUnsafeSlow(size);
    const payload = readSync(this.#fd, record, 0, size, offset) === size ? openRecord(record) : undefined;
    if (payload === undefined) return undefined;
    return { chunk: payload.length === 0 ? undefined : LogChunk.decode(payload), size };
  }

  /** Gives disk space back: at once when everything is acknowledged, by copying when the acknowledged front is large. */
  #reclaim(): void {
    if (this.#ended) return;
    if (this.isAcknowledged && this.#end > 0) {
      ftruncateSync(this.#fd, 0);
      this.#end = 0;
      this.#readAt = 0;
      this.#acknowledgedTo = 0;
    } else if (this.#acknowledgedTo >= this.#compactFromBytes) {
      this.#compact();
    }
  }

  /** A disk that is full has no room for the copy: the file stays as it is for a while. */
  #compact(): void {
    try {
      this.#copyRest();
      this.#compactFromBytes = COMPACT_FROM_BYTES;
    } catch {
      rmSync(`${this.#path}.new`, { force: true });
      this.#compactFromBytes = this.#acknowledgedTo + COMPACT_FROM_BYTES;
    }
  }

  #copyRest(): void {
    const path = `${this.#path}.new`;
    const fd = openSync(path, "w+", 0o600);
    try {
      this.#copyTo(fd);
      renameSync(path, this.#path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(this.#fd);
    this.#fd = fd;
    this.#end -= this.#acknowledgedTo;
    this.#readAt -= this.#acknowledgedTo;
    this.#acknowledgedTo = 0;
  }

  #copyTo(fd: number): void {
    const block = Buffer.allocUnsafeSlow(256 * 1024);
    let to = 0;
    for (let from = this.#acknowledgedTo; from < this.#end; ) {
      const got = readSync(this.#fd, block, 0, Math.min(block.length, this.#end - from), from);
      if (got === 0) break; // Cannot happen while the file is ours; an endless loop would be worse than a short log.
      writeFully(fd, block.subarray(0, got), to);
      from += got;
      to += got;
    }
  }
}

function writeFully(fd: number, bytes: Buffer, position: number): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written, position + written);
}
