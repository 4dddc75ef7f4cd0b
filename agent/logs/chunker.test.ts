import { randomBytes } from "node:crypto";
import { crc32, zstdDecompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { LogEncoding } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { OutputStream } from "../runner/attempt-types.ts";
import { CHUNK_BYTES, type ChunkBody, Chunker } from "./chunker.ts";

function rawOf(chunk: ChunkBody): Buffer {
  return chunk.encoding === LogEncoding.LOG_ENCODING_ZSTD ? zstdDecompressSync(chunk.data) : chunk.data;
}

/** Per stream, what the chunks say. */
function byStream(chunks: readonly ChunkBody[]): Buffer[] {
  const parts: Buffer[][] = [[], [], []];
  for (const chunk of chunks) {
    const raw = rawOf(chunk);
    let at = 0;
    for (const segment of chunk.segments) {
      const length = Math.floor(segment / 4);
      parts[segment % 4]?.push(raw.subarray(at, at + length));
      at += length;
    }
    expect(at).toBe(chunk.sizeBytes);
  }
  return parts.map((list) => Buffer.concat(list));
}

const piece = fc.record({
  stream: fc.constantFrom<OutputStream>(0, 1),
  data: fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.integer({ min: 0, max: 200_000 }).map((length) => Buffer.alloc(length, "line\n")),
  ),
  flush: fc.boolean(),
});

test("chunks put together are the input, numbered and placed without a gap", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const chunker = new Chunker(Number.MAX_SAFE_INTEGER);
      const chunks: ChunkBody[] = [];
      for (const { stream, data, flush } of pieces) {
        chunks.push(...chunker.write(stream, data, 7));
        const flushed = flush ? chunker.flush(7) : undefined;
        if (flushed !== undefined) chunks.push(flushed);
      }
      chunks.push(...chunker.end(7));
      const input = Buffer.concat(pieces.map((one) => one.data));
      expect(Buffer.concat(chunks.map(rawOf)).equals(input)).toBe(true);
      let offset = 0;
      for (const [index, chunk] of chunks.entries()) {
        expect([chunk.seq, chunk.offsetBytes]).toEqual([index, offset]);
        expect(chunk.sizeBytes).toBeLessThanOrEqual(CHUNK_BYTES);
        expect(chunk.crc32).toBe(crc32(chunk.data));
        expect(chunk.lines).toBe(rawOf(chunk).filter((byte) => byte === 10).length);
        offset += chunk.sizeBytes;
      }
      for (const stream of [0, 1]) {
        const wanted = Buffer.concat(pieces.filter((one) => one.stream === stream).map((one) => one.data));
        expect(byStream(chunks)[stream]?.equals(wanted)).toBe(true);
      }
      expect(chunker.totals).toEqual({ chunks: chunks.length, bytes: input.length, droppedBytes: 0 });
    }),
  );
});

test("output beyond the limit is counted, and the end says how much was dropped, on a line of its own", () => {
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 300_000 }), (pieces, limit) => {
      const chunker = new Chunker(limit);
      const chunks = pieces.flatMap(({ stream, data }) => chunker.write(stream, data, 7));
      chunks.push(...chunker.end(7));
      const input = Buffer.concat(pieces.map((one) => one.data));
      const [out, err, agent] = byStream(chunks);
      expect((out?.length ?? 0) + (err?.length ?? 0)).toBe(Math.min(limit, input.length));
      expect(chunker.totals.droppedBytes).toBe(Math.max(0, input.length - limit));
      const marker = agent?.toString() ?? "";
      expect(marker.includes("beyond the limit of")).toBe(input.length > limit);
      if (input.length > limit) expect(marker.startsWith("\n")).toBe(input[limit - 1] !== 10);
    }),
  );
});

test("streams that take turns keep their order inside a chunk", () => {
  const chunker = new Chunker(1_000);
  chunker.write(0, Buffer.from("a\n"), 1);
  chunker.write(0, Buffer.from("b\n"), 2);
  chunker.write(1, Buffer.from("oops\n"), 3);
  chunker.write(0, Buffer.from("c"), 4);
  expect(chunker.flush(5)).toEqual({
    seq: 0,
    offsetBytes: 0,
    sizeBytes: 10,
    atUs: 5,
    encoding: LogEncoding.LOG_ENCODING_PLAIN,
    data: Buffer.from("a\nb\noops\nc"),
    segments: [4 * 4 + 0, 5 * 4 + 1, 1 * 4 + 0],
    lines: 3,
    crc32: crc32("a\nb\noops\nc"),
  });
  expect(chunker.flush(6)).toBeUndefined();
});

test("text is compressed; noise and short pieces are not", () => {
  const chunker = new Chunker(Number.MAX_SAFE_INTEGER);
  const encodingOf = (data: Buffer): LogEncoding | undefined => {
    chunker.write(0, data, 1);
    return chunker.flush(1)?.encoding;
  };
  expect(encodingOf(Buffer.alloc(20_000, "the same line\n"))).toBe(LogEncoding.LOG_ENCODING_ZSTD);
  expect(encodingOf(randomBytes(20_000))).toBe(LogEncoding.LOG_ENCODING_PLAIN);
  expect(encodingOf(Buffer.alloc(1_000, "x"))).toBe(LogEncoding.LOG_ENCODING_PLAIN);
});
