import type { WorkspaceId } from "../../kernel/ids.ts";
import type { FlushOperation, FlushOutcome } from "./model.ts";

/** An operation that waits for a flush, and whom to tell. */
export interface Entry {
  readonly operation: FlushOperation;
  readonly settle: (outcome: FlushOutcome) => void;
  readonly fail: (error: unknown) => void;
  readonly bytes: number;
}

const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/**
 * What waits for a flush of one lane. What moves running work comes first, in the order of its arrival: it frees slots. New jobs that will only
 * wait come second, and take turns by workspace: however many one workspace brings, those of another go into the next flush.
 */
export class FlushLane {
  readonly #urgent: Entry[] = [];
  /** In rotation: whoever had a turn goes to the end. */
  readonly #waiting = new Map<WorkspaceId, Entry[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(entry: Entry): void {
    this.#size += 1;
    const { operation } = entry;
    const isNew = operation.kind === "refuse" || (operation.kind === "insert" && operation.direct === undefined);
    if (!isNew) {
      this.#urgent.push(entry);
      return;
    }
    const { workspace } = operation.job;
    const queue = this.#waiting.get(workspace);
    if (queue === undefined) this.#waiting.set(workspace, [entry]);
    else queue.push(entry);
  }

  /** The next batch: at least one entry when there is any, at most `most`, of which new waiting jobs fill half when there is more to do. */
  take(most: number): Entry[] {
    const batch = cut(this.#urgent, most, MAX_BATCH_BYTES);
    let room = Math.min(most - batch.length, Math.max(1, most >> 1));
    let bytes = MAX_BATCH_BYTES - sum(batch);
    while (room > 0 && bytes > 0 && this.#waiting.size > 0) {
      const share = Math.max(1, Math.floor(room / this.#waiting.size));
      for (const [workspace, queue] of [...this.#waiting]) {
        if (room <= 0 || bytes <= 0) break;
        const taken = cut(queue, Math.min(share, room), bytes);
        room -= taken.length;
        bytes -= sum(taken);
        batch.push(...taken);
        this.#waiting.delete(workspace);
        if (queue.length > 0) this.#waiting.set(workspace, queue);
      }
    }
    this.#size -= batch.length;
    return batch;
  }
}

/** Takes entries from the front: at least one, at most `count`, and no more once they add up to `bytes`. */
function cut(entries: Entry[], count: number, bytes: number): Entry[] {
  let taken = 0;
  for (let total = 0; taken < count && taken < entries.length && total < bytes; taken++) total += entries[taken]?.bytes ?? 0;
  return entries.splice(0, taken);
}

function sum(entries: readonly Entry[]): number {
  return entries.reduce((total, entry) => total + entry.bytes, 0);
}
