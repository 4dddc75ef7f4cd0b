import { expect, test } from "vitest";
import { seededRandom } from "./random.ts";
import { zipf } from "./zipf.ts";

test("ranks are drawn as often as their weight says", () => {
  const [count, draws] = [10, 100_000];
  const drawn = new Array<number>(count).fill(0);
  const draw = zipf(count, 1, seededRandom(5));
  for (let at = 0; at < draws; at++) {
    const rank = draw();
    drawn[rank] = (drawn[rank] ?? 0) + 1;
  }
  const harmonic = Array.from({ length: count }, (_, rank) => 1 / (rank + 1)).reduce((sum, weight) => sum + weight, 0);
  for (const [rank, times] of drawn.entries()) expect(times / draws).toBeCloseTo(1 / (rank + 1) / harmonic, 1.9);
  expect(drawn.reduce((sum, times) => sum + times, 0)).toBe(draws);
});

test("one tenant gets everything when there is only one", () => {
  const draw = zipf(1, 1.1, seededRandom(1));
  expect([draw(), draw(), draw()]).toEqual([0, 0, 0]);
});
