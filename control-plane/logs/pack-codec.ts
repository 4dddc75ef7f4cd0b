import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { AppError } from "../../kernel/app-error.ts";
import type { StoredChunk } from "./log-store.ts";

/**
 * A pack: chunks of many jobs in the order of (workspace, job, attempt, seq), so that a job's output is one range of it. Blocks of about
 * BLOCK_BYTES of chunks, each one zstd frame; then the index, one zstd frame of JSON; then 24 bytes: magic, offset and length of the index. A block
 * holds records: length of the head (32 bits, little endian), the head as JSON, the chunk's bytes. The chunks' own compression has been
 * taken off: blocks pack better than chunks (a third of the size for jobs that print a few lines).
 */
export interface PackedChunk extends StoredChunk {
  readonly workspace: string;
  readonly job: string;
}

export interface PackKey {
  readonly workspace: string;
  readonly job: string;
  readonly attempt: number;
  readonly seq: number;
}

export interface PackBlock {
  readonly first: PackKey;
  readonly last: PackKey;
  readonly offset: number;
  readonly length: number;
}

type Head = readonly [
  workspace: string,
  job: string,
  attempt: number,
  seq: number,
  atMs: number,
  offsetBytes: number,
  sizeBytes: number,
  lines: number,
  encoding: number,
  segments: readonly number[],
  length: number,
];

export const BLOCK_BYTES = 256 * 1024;
/** A block is at most the limit, one more chunk of 256 KB unpacked, and their heads. */
const MAX_BLOCK_BYTES = 4 * 1024 * 1024;
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const MAX_CHUNK_BYTES = 256 * 1024;
const MAGIC = Buffer.from("MLLOGPK1");
export const TRAILER_BYTES = MAGIC.length + 16;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** The chunk with its own compression taken off; one that cannot be unpacked stays as it is. */
export async function unpackChunk(chunk: PackedChunk): Promise<PackedChunk> {
  if (chunk.encoding !== 2) return chunk;
  try {
    return { ...chunk, encoding: 1, data: await decompress(chunk.data, { maxOutputLength: MAX_CHUNK_BYTES }) };
  } catch {
    return chunk;
  }
}

export async function encodeBlock(chunks: readonly PackedChunk[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const chunk of chunks) {
    const { workspace, job, attempt, seq, atMs, offsetBytes, sizeBytes, lines, encoding, segments, data } = chunk;
    const head: Head = [workspace, job, attempt, seq, atMs, offsetBytes, sizeBytes, lines, encoding, segments, data.length];
    const text = Buffer.from(JSON.stringify(head));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    parts.push(length, text, data);
  }
  return compress(Buffer.concat(parts));
}

/** Errors: failed_precondition when the bytes are no block. */
export async function decodeBlock(bytes: Uint8Array): Promise<PackedChunk[]> {
  try {
    const raw = await decompress(bytes, { maxOutputLength: MAX_BLOCK_BYTES });
    const chunks: PackedChunk[] = [];
    for (let at = 0; at < raw.length; ) {
      const headEnd = at + 4 + raw.readUInt32LE(at);
      const [workspace, job, attempt, seq, atMs, offsetBytes, sizeBytes, lines, encoding, segments, length] = JSON.parse(
        raw.toString("utf8", at + 4, headEnd),
      ) as Head;
      chunks.push({ workspace, job, attempt, seq, atMs, offsetBytes, sizeBytes, lines, encoding, segments, data: raw.subarray(headEnd, headEnd + length) });
      at = headEnd + length;
    }
    return chunks;
  } catch (error) {
    throw new AppError("failed_precondition", "a block of packed output is damaged", { cause: error });
  }
}

/** The end of a pack: index and trailer. @param offset where it begins */
export async function encodeIndex(blocks: readonly PackBlock[], offset: number): Promise<Buffer> {
  const index = await compress(Buffer.from(JSON.stringify({ version: 1, blocks })));
  const trailer = Buffer.alloc(TRAILER_BYTES);
  MAGIC.copy(trailer);
  trailer.writeBigUInt64LE(BigInt(offset), MAGIC.length);
  trailer.writeBigUInt64LE(BigInt(index.length), MAGIC.length + 8);
  return Buffer.concat([index, trailer]);
}

/** Errors: failed_precondition when the bytes are no index. */
export async function decodeIndex(bytes: Uint8Array): Promise<PackBlock[]> {
  try {
    const { blocks } = JSON.parse((await decompress(bytes, { maxOutputLength: MAX_INDEX_BYTES })).toString()) as { blocks: PackBlock[] };
    return blocks;
  } catch (error) {
    throw new AppError("failed_precondition", "the index of a pack is damaged", { cause: error });
  }
}

/** Order of the primary key of job_log. */
export function compareKeys(a: PackKey, b: PackKey): number {
  const workspaces = BigInt(a.workspace) - BigInt(b.workspace);
  if (workspaces !== 0n) return workspaces < 0n ? -1 : 1;
  if (a.job !== b.job) return a.job < b.job ? -1 : 1;
  return a.attempt - b.attempt || a.seq - b.seq;
}
