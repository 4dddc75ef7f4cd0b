import { expect, test } from "vitest";
import { WeightedCache } from "./weighted-cache.ts";

test("what was used last stays, as far as the keys together are not too long", () => {
  const cache = new WeightedCache<number>(10);
  cache.add("aaaa", 1);
  cache.add("bbbb", 2);
  expect(cache.get("aaaa")).toBe(1);
  cache.add("cccc", 3);
  expect([cache.get("aaaa"), cache.get("bbbb"), cache.get("cccc")]).toEqual([1, undefined, 3]);
  cache.add("far too long a key", 4);
  expect(cache.get("far too long a key")).toBeUndefined();
  expect(cache.heldChars).toBe(8);
});
