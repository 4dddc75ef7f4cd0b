import { describe, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { fullBucket, shareOf, takeFrom } from "./token-bucket-core.ts";

describe("a bucket", () => {
  const rate = { perS: 2, size: 4 };

  test("gives what it holds at once, then as it refills, and says when there is more", () => {
    let bucket = fullBucket(rate, 0);
    for (let left = 3; left >= 0; left--) {
      const taken = takeFrom(bucket, rate, 1, 0);
      expect({ ok: taken.ok, left: taken.left }).toEqual({ ok: true, left });
      bucket = taken.bucket;
    }
    expect(takeFrom(bucket, rate, 1, 0)).toMatchObject({ ok: false, left: 0, resetS: 0.5 });
    expect(takeFrom(bucket, rate, 1, 499)).toMatchObject({ ok: false });
    expect(takeFrom(bucket, rate, 1, 500)).toMatchObject({ ok: true, left: 0 });
  });

  test("gives more than it holds only when it is full, and pays it off afterwards", () => {
    const first = takeFrom(fullBucket(rate, 0), rate, 10, 0);
    expect(first).toMatchObject({ ok: true, left: 0, resetS: 5 });
    expect(takeFrom(first.bucket, rate, 1, 3400)).toMatchObject({ ok: false });
    expect(takeFrom(first.bucket, rate, 1, 3500)).toMatchObject({ ok: true });
    expect(takeFrom(first.bucket, rate, 10, 4900)).toMatchObject({ ok: false });
    expect(takeFrom(first.bucket, rate, 10, 5000)).toMatchObject({ ok: true });
  });

  test("never gives more than its size and what flowed in, but for one large request, and always what it promised", () => {
    const asks = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 3000 }), cost: fc.integer({ min: 1, max: 12 }) }), { maxLength: 60 });
    fc.assert(
      fc.property(asks, (list) => {
        let bucket = fullBucket(rate, 0);
        let nowMs = 0;
        let given = 0;
        for (const { afterMs, cost } of list) {
          nowMs += afterMs;
          const taken = takeFrom(bucket, rate, cost, nowMs);
          bucket = taken.bucket;
          if (taken.ok) {
            given += cost;
            expect(given).toBeLessThanOrEqual(rate.size + (nowMs / 1000) * rate.perS + Math.max(0, cost - rate.size) + 1e-6);
          } else expect(takeFrom(bucket, rate, cost, nowMs + taken.resetS * 1000).ok).toBe(true);
        }
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  test("is shared by replicas", () => {
    expect(shareOf({ perS: 10, size: 20 }, 4)).toEqual({ perS: 2.5, size: 5 });
    expect(shareOf({ perS: 1, size: 2 }, 10)).toEqual({ perS: 0.1, size: 1 });
    expect(shareOf(rate, 1)).toBe(rate);
  });
});
