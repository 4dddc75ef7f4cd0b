import { expect, test } from "vitest";
import { Latencies, latencyFigures, median, round } from "./latencies.ts";

const thousand = Latencies.of(Array.from({ length: 1000 }, (_, at) => (at + 1) * 1000));

test("percentiles are those of the values, to a thousandth, in milliseconds", () => {
  for (const [percentile, ms] of [
    [50, 500],
    [90, 900],
    [99, 990],
    [99.9, 999],
  ] as const) {
    expect(Math.abs(thousand.percentileMs(percentile) - ms)).toBeLessThanOrEqual(ms / 1000 + 0.001);
  }
  expect(Math.abs(thousand.maxMs - 1000)).toBeLessThanOrEqual(1);
});

test("figures name their unit and leave out percentiles that too few values cannot give", () => {
  expect(Object.keys(latencyFigures("x", thousand))).toEqual(["x_samples_count", "x_p50_ms", "x_p90_ms", "x_p99_ms", "x_p999_ms", "x_max_ms"]);
  expect(Object.keys(latencyFigures("x", Latencies.of(new Array<number>(99).fill(5))))).toEqual(["x_samples_count", "x_p50_ms", "x_p90_ms", "x_max_ms"]);
  expect(latencyFigures("x", new Latencies())).toEqual({ x_samples_count: 0 });
});

test("they travel as text and add up on the other side", () => {
  const sum = Latencies.fromText(thousand.toText());
  sum.add(Latencies.of([5_000_000]));
  expect(sum.count).toBe(1001);
  expect(Math.abs(sum.maxMs - 5000)).toBeLessThanOrEqual(5);
  expect(thousand.count).toBe(1000);
});

test("what comes before its intended start counts as zero, what lasts beyond an hour as an hour", () => {
  const odd = Latencies.of([-3, 10_000_000_000]);
  expect(odd.count).toBe(2);
  expect(odd.percentileMs(50)).toBe(0);
  expect(Math.round(odd.maxMs / 10_000)).toBe(360);
});

test("the curve goes only as far out as there are values, and ends with the maximum", () => {
  const curve = thousand.curve();
  expect(curve.at(-1)?.[0]).toBe(100);
  expect(curve.at(-2)?.[0]).toBe(99.9);
  expect(curve.map(([, ms]) => ms)).toEqual(curve.map(([, ms]) => ms).sort((a, b) => a - b));
  expect(new Latencies().curve()).toEqual([]);
});

test("four significant digits are kept", () => {
  expect([round(12_345.6), round(0.012_345), round(0)]).toEqual([12_350, 0.012_35, 0]);
});

test("a moment just before the start is zero; one long before it is no latency at all", () => {
  expect(Latencies.of([-1]).maxMs).toBe(0);
  expect(() => Latencies.of([-7000])).toThrow(/clocks of two processes differ/);
  expect(() => Latencies.of([Number.NaN])).toThrow(/clocks/);
});

test("a median stands in the middle, of two values between them, and of nothing there is none", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])]).toEqual([2, 2.5, 7]);
  expect(() => median([])).toThrow(RangeError);
});
