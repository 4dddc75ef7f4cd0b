/** So many pieces of work at a time, and so many of one workspace; the rest waits, and workspaces that wait have their turns one after the other. */
export class Lanes {
  readonly #most: number;
  readonly #mostEach: number;
  /** Those who wait, by workspace. The workspace whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Pieces under way, by workspace. */
  readonly #taken = new Map<string, number>();
  #allTaken = 0;

  constructor(most: number, mostEach: number) {
    this.#most = most;
    this.#mostEach = mostEach;
  }

  /** Errors: those of the work. */
  async take<T>(workspace: string, work: () => Promise<T>): Promise<T> {
    if (this.#hasRoom(workspace)) this.#count(workspace, 1);
    else await this.#turn(workspace);
    try {
      return await work();
    } finally {
      this.#count(workspace, -1);
      this.#wakeNext();
    }
  }

  #hasRoom(workspace: string): boolean {
    return this.#allTaken < this.#most && (this.#taken.get(workspace) ?? 0) < this.#mostEach;
  }

  #turn(workspace: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(workspace);
      if (queue === undefined) this.#waiting.set(workspace, [resolve]);
      else queue.push(resolve);
    });
  }

  /** The place that has become free is taken before anybody else can come. */
  #wakeNext(): void {
    for (const [workspace, queue] of this.#waiting) {
      if (!this.#hasRoom(workspace)) continue;
      const next = queue.shift();
      this.#waiting.delete(workspace);
      if (queue.length > 0) this.#waiting.set(workspace, queue);
      this.#count(workspace, 1);
      next?.();
      return;
    }
  }

  #count(workspace: string, by: 1 | -1): void {
    this.#allTaken += by;
    const taken = (this.#taken.get(workspace) ?? 0) + by;
    if (taken === 0) this.#taken.delete(workspace);
    else this.#taken.set(workspace, taken);
  }
}
