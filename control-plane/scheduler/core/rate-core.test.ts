import { describe, expect, test } from "vitest";
import { createWindow, EXACT_STARTS, isWindowEmpty, opensAtMs, recordStart, resizeWindow, startsLeft, type Window, type WindowSize } from "./rate-core.ts";

const WINDOW_MS = 1000;
const sized = (starts: number, windowMs = WINDOW_MS): WindowSize => ({ starts, windowMs });
/** Of 200 starts in a second: so many at once, and one more after each interval. */
const MANY = sized(200);
const BURST = 20;

function windowWith(size: WindowSize, ...timesMs: readonly number[]): Window {
  const window = createWindow(size);
  for (const timeMs of timesMs) recordStart(window, timeMs);
  return window;
}

describe("a window", () => {
  test("remembers no more starts than it may have", () => {
    const window = windowWith(sized(2), 0, WINDOW_MS, 2 * WINDOW_MS, 2 * WINDOW_MS + 1);
    expect(window.times).toEqual([2 * WINDOW_MS, 2 * WINDOW_MS + 1]);
  });

  test.each([1, EXACT_STARTS])("of %i starts may be forgotten when the last one has left it", (starts) => {
    expect(isWindowEmpty(createWindow(sized(starts)), 0)).toBe(true);
    const window = windowWith(sized(starts), 0);
    expect([WINDOW_MS - 1, WINDOW_MS].map((nowMs) => isWindowEmpty(window, nowMs))).toEqual([false, true]);
  });

  test("of many starts may be forgotten when its bucket is full", () => {
    expect(isWindowEmpty(createWindow(MANY), 0)).toBe(true);
    const window = windowWith(MANY, 0, 0);
    expect([window.tatMs / 2, window.tatMs].map((nowMs) => isWindowEmpty(window, nowMs))).toEqual([false, true]);
  });

  test("of an earlier owner goes on, by its own size and then by the new one", () => {
    const exact = createWindow(sized(3), { size: sized(2), times: [100, 200], tatMs: undefined });
    expect([exact.size, startsLeft(exact, 200), exact.lastMs]).toEqual([sized(3), 1, 200]);
    const many = createWindow(MANY, { size: MANY, times: [], tatMs: 500 });
    expect([startsLeft(many, 500), many.lastMs, opensAtMs(many) < 500]).toEqual([BURST, 500, true]);
    expect(startsLeft(many, 0)).toBe(0);
  });
});

describe("a new size", () => {
  test("that is the same one changes nothing", () => {
    for (const size of [sized(2), MANY]) {
      const window = windowWith(size, 0, 1);
      const before = structuredClone(window);
      resizeWindow(window, { ...size }, 2);
      expect(window).toEqual(before);
    }
  });

  test("counts the starts that are remembered: of another number, and of another time", () => {
    const window = windowWith(sized(2), 0, 0);
    resizeWindow(window, sized(3), 0);
    expect(startsLeft(window, 0)).toBe(1);
    resizeWindow(window, sized(1), 0);
    expect([startsLeft(window, 0), opensAtMs(window)]).toEqual([0, WINDOW_MS]);
    resizeWindow(window, sized(1, 2 * WINDOW_MS), 0);
    expect([startsLeft(window, WINDOW_MS), startsLeft(window, 2 * WINDOW_MS)]).toEqual([0, 1]);
    expect(window.tatMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test("from few to many: all that are remembered count as just made, since a longer window has them in it", () => {
    const window = windowWith(sized(EXACT_STARTS), 0, 0, 0);
    resizeWindow(window, { ...MANY, windowMs: 10 * WINDOW_MS }, 5 * WINDOW_MS);
    expect([startsLeft(window, 5 * WINDOW_MS), window.times]).toEqual([BURST - 3, []]);
  });

  test("from many to more: what may have been started counts as just made, unless the bucket was full", () => {
    const window = windowWith(MANY, 0);
    const fullMs = window.tatMs;
    const [busy, idle] = [structuredClone(window), structuredClone(window)];
    resizeWindow(busy, sized(300), 0);
    expect(startsLeft(busy, 0)).toBe(0);
    resizeWindow(idle, sized(300), fullMs);
    expect(startsLeft(idle, fullMs)).toBe(30);
  });

  test("from many to fewer: never more than a whole window is used up", () => {
    const window = windowWith(sized(1000), 0);
    resizeWindow(window, MANY, 0);
    const { tatMs } = windowWith(MANY, ...Array.from({ length: MANY.starts }, () => 0));
    expect([startsLeft(window, 0), window.tatMs]).toEqual([0, expect.closeTo(tatMs)]);
  });

  test("from many to few: the window is used up, unless the bucket was full", () => {
    const window = windowWith(MANY, 0);
    const fullMs = window.tatMs;
    const [busy, idle] = [structuredClone(window), structuredClone(window)];
    const few = sized(EXACT_STARTS);
    resizeWindow(busy, few, 0);
    expect([startsLeft(busy, 0), opensAtMs(busy), busy.tatMs]).toEqual([0, WINDOW_MS, Number.NEGATIVE_INFINITY]);
    resizeWindow(idle, few, fullMs);
    expect([startsLeft(idle, fullMs), idle.tatMs]).toEqual([EXACT_STARTS, Number.NEGATIVE_INFINITY]);
  });
});
