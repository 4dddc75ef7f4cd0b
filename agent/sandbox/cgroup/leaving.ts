import { type GroupFolders, killGroup } from "./group-files.ts";

/** A process that was killed may be in its group for a moment after its parent knows. */
const FIRST_WAIT_MS = 5;
const LAST_WAIT_MS = 2_000;
const MAX_WAITING = 10_000;

/**
 * Removes groups, those that are not empty yet a little later. Nobody has a right to be in one any more: who still is, is killed. What never becomes empty is
 * left to the sweep of the next start.
 */
export class Leaving {
  readonly #folders: GroupFolders;
  /** Whether whoever is left in it is to be killed. */
  readonly #waiting = new Map<string, boolean>();
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_WAIT_MS;

  constructor(folders: GroupFolders) {
    this.#folders = folders;
  }

  /** @param around groups that hold groups of others: they go with the last one of these, and nobody in them is touched */
  remove(dirs: readonly string[], around: readonly string[] = []): void {
    for (const dir of dirs) this.#removeOrWait(dir, true);
    for (const dir of around) this.#removeOrWait(dir, false);
    // One that came a moment before is not made to wait for this one: where many come there would be no end of it.
    const isSoon = this.#timer !== undefined && this.#waitMs === FIRST_WAIT_MS;
    if (this.#waiting.size === 0 || isSoon) return;
    this.#waitMs = FIRST_WAIT_MS;
    this.#schedule();
  }

  /** Tries once more, now. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#look();
  }

  #removeOrWait(dir: string, kills: boolean): void {
    if (!this.#folders.remove(dir) && this.#waiting.size < MAX_WAITING) this.#waiting.set(dir, kills);
  }

  #look(): void {
    for (const [dir, kills] of this.#waiting) {
      if (kills) killGroup(dir);
      if (this.#folders.remove(dir)) this.#waiting.delete(dir);
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
      this.#waitMs = Math.min(LAST_WAIT_MS, this.#waitMs * 2);
      if (this.#waiting.size > 0) this.#schedule();
    }, this.#waitMs);
    this.#timer.unref();
  }
}
