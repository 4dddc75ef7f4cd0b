import type { FlushLink } from "../../jobs/flush-writer.ts";
import type { FlushOperation } from "../../jobs/model.ts";

/** One life of an owner. */
export class Life {
  dead = false;
  /** Rejects when it is over: whoever was waiting for an answer gets none. */
  readonly end: Promise<never>;
  #reject: (error: Error) => void = () => undefined;

  constructor() {
    this.end = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.end.catch(() => undefined);
  }

  die(): void {
    this.dead = true;
    this.#reject(new Error("the owner has died"));
  }
}

const NEVER = new Promise<never>(() => undefined);

/**
 * A hot connection of an owner that may die at any commit, as by `kill -9`: what was committed is in the tables, and nobody hears of it; nothing is
 * written afterwards.
 * @param strikes asked before each flush and after its commit: true ends the life
 */
export function mortalLink(link: FlushLink, life: Life, strikes: (when: "before" | "after", operations: readonly FlushOperation[]) => boolean): FlushLink {
  const dies = (when: "before" | "after", operations: readonly FlushOperation[]): boolean => {
    if (!life.dead && strikes(when, operations)) life.die();
    return life.dead;
  };
  return {
    open: () => link.open(),
    close: () => link.close(),
    async run(lane, operations) {
      if (dies("before", operations)) return NEVER;
      const result = await link.run(lane, operations);
      return dies("after", operations) ? NEVER : result;
    },
  };
}
