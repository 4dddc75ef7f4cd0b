import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { StartAttempt } from "../session/attempts.ts";
import { whenEnded } from "./when-ended.ts";

/** So long without a job, it is unlikely that one comes while memory is looked through, which takes some hundredths of a second. */
const IDLE_MS = 60_000;

/**
 * Gives back what ended jobs have left in the agent's memory. V8 looks for it when it needs room. An agent that waits needs none, and would keep what
 * a busy minute has left, tens of megabytes, for as long as nothing happens: on a host that others work on.
 */
export class SpareMemory {
  readonly #collect: () => void;
  #active = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param collect replaced in tests of when it is called */
  constructor(collect: () => void = collectGarbage) {
    this.#collect = collect;
  }

  /** The same executor, watched. */
  watch(start: StartAttempt): StartAttempt {
    const watched = whenEnded(start, (outcome) => {
      this.#active -= 1;
      if (this.#active === 0) this.#timer = setTimeout(this.#collect, IDLE_MS).unref();
      return outcome;
    });
    return (bundle, io) => {
      const running = watched(bundle, io);
      this.#active += 1;
      clearTimeout(this.#timer);
      return running;
    };
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

type Collector = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;
let collector: Collector | undefined;

/**
 * Takes away all that nobody holds, and moves what is left together: an ordinary collection leaves nearly empty pages as they are, which the system does
 * not get back. Contexts that are made while the flag is set have the function; the program's own does not get it.
 */
export function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString("--expose-gc");
    collector = runInNewContext("gc") as Collector;
    setFlagsFromString("--no-expose-gc");
  }
  collector({ type: "major", execution: "sync", flavor: "last-resort" });
}
