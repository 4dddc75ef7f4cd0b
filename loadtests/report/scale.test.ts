import { expect, test } from "vitest";
import { linearScale, percentileScale, shortNumber } from "./scale.ts";

test("ticks are round numbers that cover the values", () => {
  expect(linearScale(97, [0, 100]).ticks).toEqual([0, 20, 40, 60, 80, 100]);
  expect(linearScale(0.034, [0, 100]).ticks).toEqual([0, 0.01, 0.02, 0.03, 0.04]);
  expect(linearScale(0, [0, 100]).ticks.length).toBeGreaterThan(1);
});

test("values are placed in proportion, also where the axis runs upwards", () => {
  const scale = linearScale(100, [300, 0]);
  expect([scale.at(0), scale.at(50), scale.at(100)]).toEqual([300, 150, 0]);
});

test("an axis may begin below zero", () => {
  const scale = linearScale(10, [0, 100], -4);
  expect(scale.ticks[0]).toBeLessThanOrEqual(-4);
  expect(scale.at(-4)).toBeGreaterThanOrEqual(0);
});

test("each nine of a percentile takes the same room, and 100 is at the edge", () => {
  const scale = percentileScale(99.9, [0, 300]);
  expect([scale.at(0), scale.at(90), scale.at(99), scale.at(99.9), scale.at(100)].map(Math.round)).toEqual([0, 100, 200, 300, 300]);
  expect(scale.ticks).toEqual([0, 50, 90, 99, 99.9]);
});

test("numbers are short and still tell what they are", () => {
  expect([0, 0.0123, 12.5, 9999, 12_345, 3_400_000, 2.5e9].map(shortNumber)).toEqual(["0", "0.0123", "12.5", "9999", "12.35k", "3.4M", "2.5G"]);
});
