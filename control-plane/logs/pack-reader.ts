import { AppError } from "../../kernel/app-error.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { PackPlace } from "./log-pack-store.ts";
import type { StoredChunk } from "./log-store.ts";
import { compareKeys, decodeBlock, decodeIndex, type PackBlock } from "./pack-codec.ts";
import type { LogPosition } from "./tail.ts";

/** Indexes that are kept: packs do not change. One is about 100 KB. */
const MAX_INDEXES = 64;

/** Reads chunks out of packs: the index once, then the blocks of a job. */
export class PackReader {
  readonly #store: BlobStore;
  readonly #indexes = new Map<string, readonly PackBlock[]>();

  constructor(store: BlobStore) {
    this.#store = store;
  }

  /** Chunks of a job after a position, in order, at most `limit`. Errors: unavailable; failed_precondition when the pack is gone or damaged. */
  async read(place: PackPlace, workspace: WorkspaceId, id: JobId, after: LogPosition, limit: number): Promise<StoredChunk[]> {
    const from = { workspace, job: id, ...after };
    const to = { workspace, job: id, attempt: Number.MAX_SAFE_INTEGER, seq: 0 };
    const found: StoredChunk[] = [];
    for (const block of await this.#index(place)) {
      if (compareKeys(block.last, from) <= 0) continue;
      if (compareKeys(block.first, to) > 0 || found.length >= limit) break;
      const bytes = await this.#store.get(place.key, { offset: block.offset, length: block.length });
      if (bytes === undefined) throw missing(place.key);
      for (const { workspace: of, job, ...chunk } of await decodeBlock(bytes)) {
        if (job === id && of === workspace && compareKeys({ workspace: of, job, attempt: chunk.attempt, seq: chunk.seq }, from) > 0) found.push(chunk);
      }
    }
    return found.slice(0, limit);
  }

  async #index(place: PackPlace): Promise<readonly PackBlock[]> {
    const known = this.#indexes.get(place.key);
    if (known !== undefined) return known;
    const bytes = await this.#store.get(place.key, { offset: place.indexOffset, length: place.indexBytes });
    if (bytes === undefined) throw missing(place.key);
    const blocks = await decodeIndex(bytes);
    const [oldest] = this.#indexes.keys();
    if (this.#indexes.size >= MAX_INDEXES && oldest !== undefined) this.#indexes.delete(oldest);
    this.#indexes.set(place.key, blocks);
    return blocks;
  }
}

function missing(key: string): AppError {
  return new AppError("failed_precondition", `the stored output ${key} is not in the blob store`, {
    hint: "every replica needs the same blob store: see MILLRACE_BLOB_FOLDER and MILLRACE_S3_BUCKET",
  });
}
