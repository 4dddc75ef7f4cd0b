import type { Clock } from "../../kernel/clock.ts";
import { LruMap } from "../../kernel/lru-map.ts";

/** An attempt that is repeated within this time is one row. */
const ONCE_IN_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/** Attempts cost whoever makes them nothing: so that nobody can fill the log, each is a row once a minute on each replica. @returns whether it is time */
export function createOnceAMinute(clock: Clock): (attempt: string) => boolean {
  const lately = new LruMap<string, number>(MAX_REMEMBERED);
  return (attempt) => {
    const nowMs = clock.monotonicMs();
    const lastMs = lately.get(attempt);
    if (lastMs !== undefined && nowMs - lastMs < ONCE_IN_MS) return false;
    lately.set(attempt, nowMs);
    return true;
  };
}
