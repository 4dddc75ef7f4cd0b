import { describe, expect, it } from "vitest";
import { FreshCache } from "./fresh-cache.ts";

/** A cache of 1000 ms on a clock that the test moves; lookups are answered by the test, in their order. */
function open(maxEntries = 100) {
  const clock = { ms: 0 };
  const lookups: { key: string; answer: (value: string) => void; fail: (error: Error) => void }[] = [];
  const cache = new FreshCache<string>({
    maxAgeMs: 1000,
    maxEntries,
    nowMs: () => clock.ms,
    load: (key) => new Promise((answer, fail) => lookups.push({ key, answer, fail })),
  });
  const known = async (key: string, value: string): Promise<void> => {
    const got = cache.get(key);
    lookups.at(-1)?.answer(value);
    expect(await got).toBe(value);
  };
  return { cache, clock, lookups, known };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a cache of fresh values", () => {
  it("looks up once for all who wait", async () => {
    const { cache, lookups } = open();
    const both = Promise.all([cache.get("a"), cache.get("a")]);
    lookups[0]?.answer("1");
    expect([await both, lookups.length]).toEqual([["1", "1"], 1]);
  });

  it("hands out what is young without a lookup, and looks up again in the background from half of its age on", async () => {
    const { cache, clock, lookups, known } = open();
    await known("a", "1");
    clock.ms = 499;
    expect([await cache.get("a"), lookups.length]).toEqual(["1", 1]);
    clock.ms = 500;
    expect([await cache.get("a"), await cache.get("a"), lookups.length]).toEqual(["1", "1", 1]);
    await turn();
    expect(lookups.length).toBe(2);
    lookups[1]?.answer("2");
    await turn();
    clock.ms = 999;
    expect([await cache.get("a"), lookups.length]).toEqual(["2", 2]);
  });

  it("hands out nothing that is too old, counted from the beginning of its lookup", async () => {
    const { cache, clock, lookups } = open();
    const first = cache.get("a");
    clock.ms = 400;
    lookups[0]?.answer("1");
    await first;
    clock.ms = 1000;
    const second = cache.get("a");
    lookups[1]?.answer("2");
    expect(await second).toBe("2");
  });

  it("tells those who wait of a failure, and forgets it", async () => {
    const { cache, clock, lookups, known } = open();
    const failed = cache.get("a");
    lookups[0]?.fail(new Error("away"));
    await expect(failed).rejects.toThrow("away");
    await known("a", "1");
    clock.ms = 600;
    // The one in the background is nobody's business.
    expect(await cache.get("a")).toBe("1");
    await turn();
    lookups[2]?.fail(new Error("away"));
    await turn();
    expect(await cache.get("a")).toBe("1");
    await turn();
    expect(lookups.length).toBe(4);
  });

  it("does not keep a value whose lookup began before it was forgotten", async () => {
    const { cache, lookups, known } = open();
    const before = cache.get("a");
    cache.delete("a");
    const after = cache.get("a");
    lookups[1]?.answer("new");
    lookups[0]?.answer("old");
    expect([await before, await after, await cache.get("a"), lookups.length]).toEqual(["old", "new", "new", 2]);
    cache.delete("a");
    await known("a", "newer");
  });

  it("keeps a bounded number of entries, those that were looked up last", async () => {
    const { cache, lookups, known } = open(2);
    for (const key of ["a", "b", "c"]) await known(key, key);
    expect([await cache.get("b"), await cache.get("c"), lookups.length]).toEqual(["b", "c", 3]);
    await known("a", "again");
  });
});
