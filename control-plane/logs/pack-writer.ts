import { createHash } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { BLOCK_BYTES, encodeBlock, encodeIndex, type PackBlock, type PackedChunk, type PackKey, TRAILER_BYTES, unpackChunk } from "./pack-codec.ts";

/** One object that was written and read back. */
export interface WrittenPack {
  readonly key: string;
  readonly first: PackKey;
  readonly last: PackKey;
  readonly chunks: number;
  readonly sizeBytes: number;
  readonly indexOffset: number;
  readonly indexBytes: number;
}

/** Compressed bytes of a pack, which bounds the memory of the writer. */
export const PACK_BYTES = 32 * 1024 * 1024;

/** Turns chunks that come in the order of their keys into packs `<base>-00001.pack`, `<base>-00002.pack` … */
export class PackWriter {
  readonly #store: BlobStore;
  readonly #base: string;
  readonly #packBytes: number;
  readonly written: WrittenPack[] = [];
  #block: PackedChunk[] = [];
  #blockBytes = 0;
  #blocks: PackBlock[] = [];
  #parts: Buffer[] = [];
  #size = 0;
  #chunks = 0;

  constructor(store: BlobStore, base: string, packBytes = PACK_BYTES) {
    this.#store = store;
    this.#base = base;
    this.#packBytes = packBytes;
  }

  get chunks(): number {
    return this.#chunks + this.#block.length + this.written.reduce((sum, pack) => sum + pack.chunks, 0);
  }

  async add(chunk: PackedChunk): Promise<void> {
    const plain = await unpackChunk(chunk);
    this.#block.push(plain);
    this.#blockBytes += plain.data.length;
    if (this.#blockBytes >= BLOCK_BYTES) await this.#endBlock();
    if (this.#size >= this.#packBytes) await this.#endPack();
  }

  /** Writes what is left. Errors: unavailable when the store does not take a pack, or gives back other bytes. */
  async end(): Promise<readonly WrittenPack[]> {
    await this.#endBlock();
    await this.#endPack();
    return this.written;
  }

  async #endBlock(): Promise<void> {
    const [first] = this.#block;
    const last = this.#block.at(-1);
    if (first === undefined || last === undefined) return;
    const bytes = await encodeBlock(this.#block);
    this.#blocks.push({ first: keyOf(first), last: keyOf(last), offset: this.#size, length: bytes.length });
    this.#parts.push(bytes);
    this.#size += bytes.length;
    this.#chunks += this.#block.length;
    this.#block = [];
    this.#blockBytes = 0;
  }

  async #endPack(): Promise<void> {
    const [first] = this.#blocks;
    const last = this.#blocks.at(-1);
    if (first === undefined || last === undefined) return;
    const end = await encodeIndex(this.#blocks, this.#size);
    const bytes = Buffer.concat([...this.#parts, end]);
    const key = `${this.#base}-${String(this.written.length + 1).padStart(5, "0")}.pack`;
    await this.#store.put(key, bytes);
    const back = await this.#store.get(key);
    if (back === undefined || digest(back) !== digest(bytes))
      throw new AppError("unavailable", `${this.#store.place} does not give back what was written to ${key}`);
    this.written.push({
      key,
      first: first.first,
      last: last.last,
      chunks: this.#chunks,
      sizeBytes: bytes.length,
      indexOffset: this.#size,
      indexBytes: end.length - TRAILER_BYTES,
    });
    this.#blocks = [];
    this.#parts = [];
    this.#size = 0;
    this.#chunks = 0;
  }
}

function keyOf({ workspace, job, attempt, seq }: PackedChunk): PackKey {
  return { workspace, job, attempt, seq };
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
