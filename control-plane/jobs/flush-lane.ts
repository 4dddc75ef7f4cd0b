import { ChurnMap } from "../../kernel/churn-map.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Write } from "./model.ts";

/** What waits for a flush. */
export interface Entry extends Write {
  readonly bytes: number;
  /** Go into the same flush, or nothing of the entry does. */
  readonly together?: readonly Write[];
}

const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/**
 * What waits for a flush of one lane. What moves running work comes first: it frees slots. New jobs that will only wait come second. In both,
 * workspaces take turns: however much one of them has waiting, what another one brings goes into the next flush.
 */
export class FlushLane {
  readonly #urgent = new Rotation();
  readonly #waiting = new Rotation();

  get size(): number {
    return this.#urgent.size + this.#waiting.size;
  }

  push(entry: Entry): void {
    const { operation } = entry;
    const waits = operation.kind === "refuse" || (operation.kind === "insert" && operation.direct === undefined);
    (waits ? this.#waiting : this.#urgent).push(operation.job.workspace, entry);
  }

  /**
   * All that waits of workspaces that have at most `each` operations of a kind waiting, up to `most`; nothing of the others.
   * @param isLarge workspaces that are not small however little they have waiting
   */
  takeSmall(each: number, most: number, isLarge: (workspace: WorkspaceId) => boolean = () => false): Entry[] {
    const batch: Entry[] = [];
    this.#urgent.takeSmall(batch, each, most, isLarge);
    this.#waiting.takeSmall(batch, each, most, isLarge);
    return batch;
  }

  /** The next batch: at least one entry when there is any, at most `most`, of which new waiting jobs fill half when there is more to do. */
  take(most: number): Entry[] {
    const batch: Entry[] = [];
    const left = this.#urgent.take(batch, most, MAX_BATCH_BYTES);
    const room = Math.min(most - batch.length, Math.max(1, most >> 1));
    if (left > 0) this.#waiting.take(batch, room, left);
    return batch;
  }
}

/** Entries by workspace, each workspace's in the order of their arrival. Whoever had a turn goes to the end. */
class Rotation {
  readonly #queues = new ChurnMap<WorkspaceId, Entry[]>();
  size = 0;

  push(workspace: WorkspaceId, entry: Entry): void {
    this.size += 1;
    const queue = this.#queues.get(workspace);
    if (queue === undefined) this.#queues.set(workspace, [entry]);
    else queue.push(entry);
  }

  takeSmall(batch: Entry[], each: number, most: number, isLarge: (workspace: WorkspaceId) => boolean): void {
    for (const [workspace, queue] of [...this.#queues]) {
      if (queue.length > each || isLarge(workspace)) continue;
      if (batch.length + queue.length > most) return;
      this.#queues.delete(workspace);
      this.size -= queue.length;
      batch.push(...queue);
    }
  }

  /** Moves up to `most` entries of about `bytes` into the batch, at least one when there is any. @returns the bytes that are left */
  take(batch: Entry[], most: number, bytes: number): number {
    let [room, left] = [Math.min(most, this.size), bytes];
    while (room > 0 && left > 0) {
      const share = Math.max(1, Math.floor(room / this.#queues.size));
      for (const [workspace, queue] of [...this.#queues]) {
        if (room <= 0 || left <= 0) break;
        const taken = cut(queue, Math.min(share, room), left);
        this.#queues.delete(workspace);
        if (queue.length > 0) this.#queues.set(workspace, queue);
        this.size -= taken.length;
        for (const entry of taken) {
          room -= weightOf(entry);
          left -= entry.bytes;
          batch.push(entry);
        }
      }
    }
    return left;
  }
}

/** Takes entries from the front: at least one, and no more once they add up to `count` operations or to `bytes`. */
function cut(entries: Entry[], count: number, bytes: number): Entry[] {
  let taken = 0;
  for (let [operations, total] = [0, 0]; operations < count && taken < entries.length && total < bytes; taken++) {
    const entry = entries[taken];
    if (entry === undefined) break;
    total += entry.bytes;
    operations += weightOf(entry);
  }
  return entries.splice(0, taken);
}

/** Operations of an entry. */
const weightOf = (entry: Entry): number => 1 + (entry.together?.length ?? 0);
