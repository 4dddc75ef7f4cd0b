import { expect, test } from "vitest";
import { checkFigures, hasUnit, judge, mergeFigures, mergePeers } from "./figures.ts";
import type { Aim } from "./model.ts";

test("a figure's name ends in its unit", () => {
  for (const name of ["idle_p99_ms", "sustained_jobs_per_s", "x_us_per_job", "noisy_jain_index"]) expect(hasUnit(name)).toBe(true);
  for (const name of ["p99", "jobs", "Idle_p99_ms", "latency_p99", "x_ms_total"]) expect(hasUnit(name)).toBe(false);
});

test("a figure without a unit or without a number is refused", () => {
  expect(() => checkFigures({ speed: 1 })).toThrow(/speed does not end in a unit/);
  expect(() => checkFigures({ wait_ms: Number.NaN })).toThrow(/wait_ms is NaN/);
  expect(checkFigures({ wait_ms: 1 })).toEqual({ wait_ms: 1 });
});

test("figures of several scenarios join, unless two have one name", () => {
  expect(mergeFigures([{ a_ms: 1 }, { b_ms: 2 }])).toEqual({ a_ms: 1, b_ms: 2 });
  expect(() => mergeFigures([{ a_ms: 1 }, { a_ms: 2 }])).toThrow(/two scenarios give the figure a_ms/);
});

test("peers join by name; one is skipped only where nothing was measured", () => {
  const measured = { kind: "measured", version: "1.0", figures: { a_ms: 1 }, settings: { workers: 4 } } as const;
  const merged = mergePeers([{ peers: { x: measured, y: { kind: "skipped", reason: "no redis" } } }, { peers: { x: { ...measured, figures: { b_ms: 2 } } } }]);
  expect(merged).toEqual({
    x: { figures: { a_ms: 1, b_ms: 2 }, settings: { version: "1.0", workers: 4 } },
    y: { figures: {}, settings: {}, skipped: "no redis" },
  });
});

test.each([
  ["at most", 10, true],
  ["at most", 10.1, false],
  ["below", 9.9, true],
  ["below", 10, false],
  ["at least", 10, true],
  ["at least", 9.9, false],
] as const)("%s 10 with %d: %s", (kind, value, met) => {
  const aim: Aim = { figure: "x_ms", kind, limit: 10, words: "an aim" };
  expect(judge([aim], { x_ms: value })).toEqual([{ ...aim, value, met }]);
});

test("an aim whose figure was not measured is missed, and says so", () => {
  const aim: Aim = { figure: "x_ms", kind: "at most", limit: 10, words: "an aim" };
  expect(judge([aim], {})).toEqual([{ ...aim, value: null, met: false }]);
});
