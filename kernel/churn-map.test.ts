import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ChurnMap, ChurnSet } from "./churn-map.ts";
import { fc } from "./fast-check.fixture.ts";

const key = fc.integer({ min: 0, max: 200 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), key, value: fc.integer() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("look" as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("clear" as const, "look" as const), key }) },
);

test("it answers as a Map does, in the order of a Map, however often it is built anew", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500, size: "max" }), (steps) => {
      const [map, model] = [new ChurnMap<number, number>(), new Map<number, number>()];
      const [set, setModel] = [new ChurnSet<number>(), new Set<number>()];
      for (const one of steps) {
        if (one.kind === "set") {
          map.set(one.key, one.value);
          model.set(one.key, one.value);
          set.add(one.key);
          setModel.add(one.key);
        } else if (one.kind === "delete") {
          expect([map.delete(one.key), set.delete(one.key)]).toEqual([model.delete(one.key), setModel.delete(one.key)]);
        } else if (one.kind === "clear") for (const all of [map, model, set, setModel]) all.clear();
        else expect([map.get(one.key), map.has(one.key), set.has(one.key)]).toEqual([model.get(one.key), model.has(one.key), setModel.has(one.key)]);
        expect([map.size, set.size]).toEqual([model.size, setModel.size]);
      }
      const seen: [number, number][] = [];
      map.forEach((value, at) => void seen.push([at, value]));
      expect([[...map], [...map.entries()], seen]).toEqual([[...model], [...model], [...model]]);
      expect([[...map.keys()], [...map.values()], [...set]]).toEqual([[...model.keys()], [...model.values()], [...setModel]]);
    }),
    { numRuns: 60 },
  );
});

test("what was taken out during an iteration is not seen by it", () => {
  const map = new ChurnMap<number, string>();
  for (let i = 0; i < 100; i++) map.set(i, "in");
  let seen = 0;
  for (const at of map.keys()) {
    seen += 1;
    map.delete(at + 1);
  }
  expect(seen).toBe(50);
});

/** Megabytes that reach the space of old objects while a million entries of about 400 bytes come and go, 200 at a time. */
function promotedMb(module: string, name: string): number {
  const program = `
    import v8 from "node:v8";
    import { ${name} as Kind } from ${JSON.stringify(module)};
    const map = new Kind();
    for (let i = 0; i < 100; i++) map.set(i, i);
    gc(); gc();
    for (let i = 0; i < 100; i++) map.delete(i);
    const profiler = new v8.GCProfiler();
    profiler.start();
    for (let i = 0; i < 1_000_000; i++) { map.set("k" + i, { at: i, more: new Array(40).fill(i) }); if (i >= 200) map.delete("k" + (i - 200)); }
    const old = (heap) => heap.heapSpaceStatistics.find((space) => space.spaceName === "old_space").spaceUsedSize;
    let bytes = 0;
    for (const { gcType, beforeGC, afterGC } of profiler.stop().statistics) if (gcType === "Scavenge") bytes += old(afterGC) - old(beforeGC);
    process.stdout.write(String(bytes / 1e6));
  `;
  return Number(execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", program], { encoding: "utf8" }));
}

// The first half says that the second one measures something, and that V8 still is as `ChurnMap` takes it to be.
test("entries that come and go do not reach the space of old objects, as those of a Map do", () => {
  const module = fileURLToPath(new URL("churn-map.ts", import.meta.url));
  expect(promotedMb("data:text/javascript,export const Plain = Map;", "Plain")).toBeGreaterThan(50);
  expect(promotedMb(module, "ChurnMap")).toBeLessThan(5);
});
