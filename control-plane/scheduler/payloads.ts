import { ChurnMap } from "../../kernel/churn-map.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { JobPayload } from "../jobs/model.ts";

/** Bookkeeping of a payload that is not its text. */
const OVERHEAD_BYTES = 200;

/**
 * Payloads of jobs that wait, as far as they fit: a fresh job is sent without reading it back. What does not fit is read
 * from the database when its turn comes.
 */
export class PayloadCache {
  readonly #payloads = new ChurnMap<JobId, JobPayload>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Keeps the payload unless the cache is full. */
  keep(id: JobId, payload: JobPayload): void {
    const size = sizeOf(payload);
    if (this.#bytes + size > this.#maxBytes || this.#payloads.has(id)) return;
    this.#payloads.set(id, payload);
    this.#bytes += size;
  }

  get(id: JobId): JobPayload | undefined {
    return this.#payloads.get(id);
  }

  drop(id: JobId): void {
    const payload = this.#payloads.get(id);
    if (payload === undefined) return;
    this.#payloads.delete(id);
    this.#bytes -= sizeOf(payload);
  }

  get bytes(): number {
    return this.#bytes;
  }
}

function sizeOf(payload: JobPayload): number {
  return payload.argsJson.length * 2 + (payload.code?.length ?? 0) * 2 + OVERHEAD_BYTES;
}
