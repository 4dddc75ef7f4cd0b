import { LruMap } from "../../kernel/lru-map.ts";

const AGAIN_MS = 10_000;
const MAX_REMEMBERED = 10_000;

/**
 * Notes uses of tokens and sessions in the background, of each one at most once in ten seconds: what was looked up says "stale" to all requests of its
 * second, and one note is enough. A note that fails is made by a later use.
 */
export function createUseNotes(nowMs: () => number, note: (id: string) => Promise<void>): (id: string) => void {
  const noted = new LruMap<string, number>(MAX_REMEMBERED);
  return (id) => {
    const atMs = noted.get(id);
    if (atMs !== undefined && nowMs() - atMs < AGAIN_MS) return;
    noted.set(id, nowMs());
    note(id).catch(() => undefined);
  };
}
