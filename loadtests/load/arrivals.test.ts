import { expect, test } from "vitest";
import { arrivalTimesMs } from "./arrivals.ts";
import { seededRandom } from "./random.ts";

test("constant arrivals are evenly spaced, begin at once and stay inside the time", () => {
  expect([...arrivalTimesMs({ kind: "constant", perS: 4 }, 1000, seededRandom(1))]).toEqual([0, 250, 500, 750]);
});

test("a constant rate gives exactly rate times time, also where the distance is no round number", () => {
  for (const perS of [3, 7, 60, 200, 333]) expect([...arrivalTimesMs({ kind: "constant", perS }, 60_000, seededRandom(1))]).toHaveLength(perS * 60);
});

test("poisson arrivals come at the rate, in order, with gaps as an exponential has them", () => {
  const times = [...arrivalTimesMs({ kind: "poisson", perS: 100 }, 100_000, seededRandom(7))];
  expect(times.length).toBeGreaterThan(9600);
  expect(times.length).toBeLessThan(10_400);
  const gaps = times.map((ms, at) => ms - (times[at - 1] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
  // The share of gaps longer than the mean is 1/e.
  expect(gaps.filter((gap) => gap > 10).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  expect(times.at(-1)).toBeLessThan(100_000);
});

test("a seed repeats its arrivals, another one does not", () => {
  const times = (seed: number): number[] => [...arrivalTimesMs({ kind: "poisson", perS: 50 }, 1000, seededRandom(seed))];
  expect(times(3)).toEqual(times(3));
  expect(times(3)).not.toEqual(times(4));
});

test("a rate of nothing is an error, not an endless wait", () => {
  expect(() => [...arrivalTimesMs({ kind: "constant", perS: 0 }, 1000, seededRandom(1))]).toThrow(/rate of 0/);
});
