import { expect, test } from "vitest";
import { coldAndWarm } from "./process-start.ts";

test("the first hundred are the cold ones, and what comes after the warm-up counts", () => {
  const { cold, warm } = coldAndWarm([...Array(100).fill(9000), ...Array(700).fill(7000), ...Array(400).fill(5000)], 800);
  expect([cold.count, cold.maxMs > 8.9]).toEqual([100, true]);
  expect([warm.count, warm.maxMs < 5.1]).toEqual([400, true]);
});

test("after a short warm-up no job is in both, and one without a start is in neither", () => {
  const { cold, warm } = coldAndWarm([...Array(60).fill(9000), Number.NaN, ...Array(59).fill(5000)], 60);
  expect([cold.count, warm.count]).toEqual([60, 59]);
});
