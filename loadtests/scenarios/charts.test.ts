import { expect, test } from "vitest";
import { sampleChart } from "./charts.ts";

const pointsOf = (count: number): readonly (readonly [number, number])[] => {
  const samples = Float64Array.from({ length: count * 2 }, (_, at) => (at % 2 === 0 ? at / 2 : at === 2 * 7777 + 1 ? 9_000_000 : 1000));
  const chart = sampleChart("x", samples, 0);
  return chart.kind === "time" ? (chart.lines[0]?.points ?? []) : [];
};

test("few samples are all drawn", () => {
  expect(pointsOf(3)).toEqual([
    [0, 1],
    [1e-6, 1],
    [2e-6, 1],
  ]);
  expect(pointsOf(0)).toEqual([]);
});

test("of very many the longest of each stretch is kept", () => {
  const points = pointsOf(100_000);
  expect(points.length).toBeLessThanOrEqual(3000);
  expect(points).toContainEqual([0.007_777, 9000]);
});
