import { crc32, zstdCompressSync } from "node:zlib";
import { formatBytes } from "../../kernel/size.ts";
import type { LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import { LogEncoding } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { OutputStream } from "../runner/attempt-types.ts";

/** Raw bytes per chunk at most. */
export const CHUNK_BYTES = 64 * 1024;
/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 1024;
/** Compressed data is used when it is at most this part of the raw size. */
const COMPRESS_GAIN = 0.9;
const SMALLEST_BUFFER_BYTES = 1024;
const LINE_FEED = 0x0a;

/** A chunk without the name of its attempt. */
export type ChunkBody = Omit<LogChunk, "jobId" | "token">;

export interface ChunkTotals {
  readonly chunks: number;
  readonly bytes: number;
  readonly droppedBytes: number;
}

/**
 * Cuts the output of one attempt into numbered chunks and keeps the order of its streams inside each. Has no timer:
 * the caller flushes. Output beyond `limitBytes` is counted and dropped, and the end says so in one line.
 */
export class Chunker {
  readonly #limitBytes: number;
  #buffer = Buffer.alloc(0);
  #used = 0;
  #segments: number[] = [];
  #lines = 0;
  #lastByte = LINE_FEED;
  #chunks = 0;
  #offset = 0;
  #dropped = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes that wait for a flush. */
  get pendingBytes(): number {
    return this.#used;
  }

  get totals(): ChunkTotals {
    return { chunks: this.#chunks, bytes: this.#offset + this.#used, droppedBytes: this.#dropped };
  }

  /** Takes output and returns the chunks that it filled. `atUs` is when it was read, microseconds since the epoch. */
  write(stream: OutputStream, data: Buffer, atUs: number): ChunkBody[] {
    const kept = data.subarray(0, Math.max(0, this.#limitBytes - this.#offset - this.#used));
    this.#dropped += data.length - kept.length;
    return this.#take(stream, kept, atUs);
  }

  /** What is pending, as a chunk; undefined when nothing is. */
  flush(atUs: number): ChunkBody | undefined {
    if (this.#used === 0) return undefined;
    const raw = this.#buffer.subarray(0, this.#used);
    const packed = pack(raw);
    const chunk: ChunkBody = {
      seq: this.#chunks,
      offsetBytes: this.#offset,
      sizeBytes: raw.length,
      atUs,
      encoding: packed.encoding,
      data: packed.data,
      segments: this.#segments,
      lines: this.#lines,
      crc32: crc32(packed.data),
    };
    this.#chunks += 1;
    this.#offset += raw.length;
    // A plain chunk holds the buffer itself. In a flood of text the full buffer is used again; otherwise the next chunk starts small.
    if (packed.data === raw || raw.length < CHUNK_BYTES) this.#buffer = Buffer.alloc(0);
    this.#used = 0;
    this.#segments = [];
    this.#lines = 0;
    return chunk;
  }

  /** The last chunks of the attempt; says how much was dropped, if anything was. */
  end(atUs: number): ChunkBody[] {
    const chunks = this.#dropped > 0 ? this.#take(2, this.#marker(), atUs) : [];
    const last = this.flush(atUs);
    return last === undefined ? chunks : [...chunks, last];
  }

  #marker(): Buffer {
    const text = `… ${formatBytes(this.#dropped)} of output beyond the limit of ${formatBytes(this.#limitBytes)} was dropped\n`;
    return Buffer.from(this.#lastByte === LINE_FEED ? text : `\n${text}`);
  }

  #take(stream: OutputStream, data: Buffer, atUs: number): ChunkBody[] {
    const full: ChunkBody[] = [];
    for (let at = 0; at < data.length; ) {
      const part = data.subarray(at, at + CHUNK_BYTES - this.#used);
      this.#append(stream, part);
      at += part.length;
      if (this.#used < CHUNK_BYTES) break;
      const chunk = this.flush(atUs);
      if (chunk !== undefined) full.push(chunk);
    }
    return full;
  }

  #append(stream: OutputStream, part: Buffer): void {
    const needed = this.#used + part.length;
    if (needed > this.#buffer.length) {
      let size = Math.max(SMALLEST_BUFFER_BYTES, this.#buffer.length);
      while (size < needed) size *= 2;
      const grown = Buffer.allocUnsafeSlow(size);
      this.#buffer.copy(grown, 0, 0, this.#used);
      this.#buffer = grown;
    }
    part.copy(this.#buffer, this.#used);
    this.#used = needed;
    this.#lines += countLines(part);
    this.#lastByte = part[part.length - 1] ?? this.#lastByte;
    this.#addSegment(stream, part.length);
  }

  #addSegment(stream: OutputStream, length: number): void {
    const last = this.#segments.at(-1);
    if (last !== undefined && last % 4 === stream) this.#segments[this.#segments.length - 1] = last + length * 4;
    else this.#segments.push(length * 4 + stream);
  }
}

function pack(raw: Buffer): { readonly encoding: LogEncoding; readonly data: Buffer } {
  if (raw.length > COMPRESS_FROM_BYTES) {
    const compressed = zstdCompressSync(raw);
    if (compressed.length <= raw.length * COMPRESS_GAIN) return { encoding: LogEncoding.LOG_ENCODING_ZSTD, data: compressed };
  }
  return { encoding: LogEncoding.LOG_ENCODING_PLAIN, data: raw };
}

function countLines(data: Buffer): number {
  let lines = 0;
  for (let at = data.indexOf(LINE_FEED); at !== -1; at = data.indexOf(LINE_FEED, at + 1)) lines += 1;
  return lines;
}
