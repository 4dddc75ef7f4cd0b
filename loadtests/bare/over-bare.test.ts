import { expect, test } from "vitest";
import { Latencies } from "../load/latencies.ts";
import { ratiosOverBare } from "./over-bare.ts";

// Below two milliseconds the histogram is exact.
const even = (count: number, us: number): Latencies => Latencies.of(Array.from({ length: count }, () => us));

test("a percentile that both can tell is divided", () => {
  const ours = Latencies.of([...Array.from({ length: 98 }, () => 400), 2000, 2000]);
  expect(ratiosOverBare("idle_assignment_over_bare", ours, even(100, 200))).toEqual({
    idle_assignment_over_bare_p50_ratio: 2,
    idle_assignment_over_bare_p99_ratio: 10,
  });
});

test("a percentile that one of them cannot tell is left out, and so is all when nothing was measured", () => {
  expect(ratiosOverBare("x", even(100, 400), even(50, 200))).toEqual({ x_p50_ratio: 2 });
  expect(ratiosOverBare("x", even(100, 400), new Latencies())).toEqual({});
});
