import { describe, expect, it } from "vitest";
import { fc } from "./fast-check.fixture.ts";
import { LruMap } from "./lru-map.ts";

describe("LruMap", () => {
  it("drops the entry that was used longest ago", () => {
    const map = new LruMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    map.get("a");
    map.set("c", 3);
    expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
  });

  it("behaves like a list sorted by use", () => {
    const step = fc.record({ key: fc.nat(6), write: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, capacity) => {
        const map = new LruMap<number, number>(capacity);
        let model: { key: number; value: number }[] = [];
        steps.forEach(({ key, write }, index) => {
          const known = model.find((entry) => entry.key === key);
          if (!write) expect(map.get(key)).toBe(known?.value);
          const entry = write ? { key, value: index } : known;
          if (entry !== undefined) model = [...model.filter((one) => one.key !== key), entry].slice(-capacity);
          if (write) map.set(key, index);
          expect(map.size).toBe(model.length);
        });
      }),
    );
  });
});
