import { expect, test } from "vitest";
import { retryDelayMs } from "./retry-delay.ts";

test("whatever the rule multiplies, a delay is a number of milliseconds and at most six hours", () => {
  for (const multiplier of [0, 1, 31_622_400])
    for (const seconds of [0, 1, 31_622_400])
      for (const randomFactorPercent of [0, 100])
        for (const attempt of [1, 20, 41, 1000])
          for (const jitter of [0, 0.5, 0.999]) {
            const ms = retryDelayMs({ exponential: { attempts: 1000, multiplier, seconds, randomFactorPercent } }, attempt, jitter);
            expect([multiplier, seconds, attempt, jitter, Number.isInteger(ms) && ms !== undefined && ms >= 0 && ms <= 6 * 3_600_000]).toEqual([
              ...[multiplier, seconds, attempt, jitter],
              true,
            ]);
          }
  expect(retryDelayMs({ exponential: { attempts: 1000, multiplier: 0, seconds: 31_622_400, randomFactorPercent: 0 } }, 41, 0.5)).toBe(0);
});
