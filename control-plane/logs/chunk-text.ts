import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import type { StoredChunk } from "./log-store.ts";

/** `result`: what the job streams as its result before its end. */
const STREAM_NAMES = ["stdout", "stderr", "agent", "result"] as const;
export type StreamName = (typeof STREAM_NAMES)[number];

export interface LogSegment {
  readonly stream: StreamName;
  readonly bytes: Buffer;
}

const inflate = promisify(zstdDecompress);
/** A chunk says its uncompressed size; one that unpacks to more than this is not unpacked. */
const MAX_RAW_BYTES = 256 * 1024;

/** The output in a chunk, split by stream and in the order in which it was written. Damaged data becomes a visible note. */
export async function segmentsOf(chunk: StoredChunk): Promise<LogSegment[]> {
  let raw: Buffer;
  try {
    raw = chunk.encoding === 2 ? await inflate(chunk.data, { maxOutputLength: MAX_RAW_BYTES }) : chunk.data;
  } catch {
    return [{ stream: "agent", bytes: Buffer.from(`[chunk ${chunk.seq} is damaged: ${chunk.sizeBytes} bytes of output cannot be shown]\n`) }];
  }
  const segments: LogSegment[] = [];
  let at = 0;
  for (const packed of chunk.segments) {
    const length = Math.floor(packed / 4);
    segments.push({ stream: STREAM_NAMES[packed % 4] ?? "agent", bytes: raw.subarray(at, at + length) });
    at += length;
  }
  return segments;
}
