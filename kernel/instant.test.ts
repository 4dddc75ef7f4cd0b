import { expect, test } from "vitest";
import { elapsedMs } from "./instant.ts";

test("time that a suspended machine missed counts, and a wall clock that is set back takes nothing away", () => {
  const from = { monotonicMs: 1000, wallMs: 50_000 };
  expect(elapsedMs(from, { monotonicMs: 3000, wallMs: 52_000 })).toBe(2000);
  expect(elapsedMs(from, { monotonicMs: 3000, wallMs: 92_000 })).toBe(42_000);
  expect(elapsedMs(from, { monotonicMs: 3000, wallMs: 10_000 })).toBe(2000);
});
