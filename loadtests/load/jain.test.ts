import { expect, test } from "vitest";
import { jainIndex } from "./jain.ts";

test("equal shares give 1, whatever their size", () => {
  expect(jainIndex([5, 5, 5, 5])).toBe(1);
  expect(jainIndex([0.1, 0.1])).toBeCloseTo(1, 12);
});

test("one who has everything gives one over the number", () => {
  expect(jainIndex([10, 0, 0, 0])).toBe(0.25);
});

test("the value of a known case", () => {
  expect(jainIndex([1, 2, 3])).toBeCloseTo(36 / (3 * 14), 12);
});

test("nothing to share is no fairness", () => {
  expect(jainIndex([0, 0])).toBeNaN();
  expect(jainIndex([])).toBeNaN();
});
