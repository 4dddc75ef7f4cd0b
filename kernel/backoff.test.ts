import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import { fc } from "./fast-check.fixture.ts";

test("a delay lies within its window, which doubles up to the cap", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const windowMs = Math.min(10_000, 200 * 2 ** Math.min(attempt, 30));
      const delayMs = backoffMs(attempt, 200, 10_000, random);
      expect(delayMs).toBeGreaterThanOrEqual(Math.floor(windowMs * 0.1));
      expect(delayMs).toBeLessThanOrEqual(windowMs);
    }),
  );
});
