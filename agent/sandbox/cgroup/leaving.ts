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
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_WAIT_MS;

  constructor(folders: GroupFolders) {
    this.#folders = folders;
  }

  remove(dirs: readonly string[]): void {
    const left = dirs.filter((dir) => !this.#folders.remove(dir));
    if (left.length === 0 || this.#waiting.length > MAX_WAITING) return;
    this.#waiting.push(...left);
    this.#waitMs = FIRST_WAIT_MS;
    this.#schedule();
  }

  /** Tries once more, now. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting = this.#waiting.filter((dir) => !this.#folders.remove(dir));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#waiting = this.#waiting.filter((dir) => {
        killGroup(dir);
        return !this.#folders.remove(dir);
      });
      this.#waitMs = Math.min(LAST_WAIT_MS, this.#waitMs * 2);
      if (this.#waiting.length > 0) this.#schedule();
    }, this.#waitMs);
    this.#timer.unref();
  }
}
