import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { afterTry, type Breaker, CLOSED, mayTry, OPEN_AFTER } from "./breaker-core.ts";
import { type AttemptOutcome, nextAfter, WAITS_MS } from "./retry-core.ts";

const answered = (status: number, retryAfterS?: number): AttemptOutcome => ({ kind: "answered", status, retryAfterS });
const FAILED: AttemptOutcome = { kind: "failed", why: "connection refused" };

test("what was answered with 2xx is delivered, 410 ends it for good, all else is tried again", () => {
  expect(nextAfter(answered(204), 1, 0)).toEqual({ kind: "delivered" });
  expect(nextAfter(answered(410), 1, 0)).toEqual({ kind: "gone" });
  for (const outcome of [answered(301), answered(400), answered(404), answered(500), FAILED]) expect(nextAfter(outcome, 1, 0).kind).toBe("again");
});

test("waits grow to hours, differ by chance, and come to an end", () => {
  const waits = WAITS_MS.map((_, at) => nextAfter(FAILED, at + 1, 0.5));
  expect(waits).toEqual(WAITS_MS.map((inMs) => ({ kind: "again", inMs })));
  expect(WAITS_MS.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(24 * 3600 * 1000);
  expect(nextAfter(FAILED, WAITS_MS.length + 1, 0.5)).toEqual({ kind: "dead" });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: WAITS_MS.length }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (tries, random) => {
      const next = nextAfter(FAILED, tries, random);
      const base = WAITS_MS[tries - 1] ?? 0;
      expect(next.kind === "again" && next.inMs >= 0.8 * base - 1 && next.inMs <= 1.2 * base + 1).toBe(true);
    }),
  );
});

test("a receiver that says when to come back is listened to, for up to an hour", () => {
  expect(nextAfter(answered(429, 90), 1, 0.5)).toEqual({ kind: "again", inMs: 90_000 });
  expect(nextAfter(answered(503, 10_000_000), 1, 0.5)).toEqual({ kind: "again", inMs: 3_600_000 });
});

test("a host that fails again and again is left alone for longer and longer, then tried once; an answer closes it", () => {
  let breaker: Breaker = CLOSED;
  for (let failure = 1; failure < OPEN_AFTER; failure++) breaker = afterTry(breaker, false, 0);
  expect(mayTry(breaker, 0).kind).toBe("yes");
  breaker = afterTry(breaker, false, 0);
  expect(mayTry(breaker, 29_999)).toEqual({ kind: "no", untilMs: 30_000 });
  const once = mayTry(breaker, 30_000);
  if (once.kind !== "yes") throw new Error("it is time");
  expect(mayTry(once.breaker, 30_000).kind).toBe("no");
  const again = afterTry(once.breaker, false, 30_000);
  expect(mayTry(again, 89_999)).toEqual({ kind: "no", untilMs: 90_000 });
  expect(afterTry(again, true, 90_000)).toEqual(CLOSED);
  for (let more = 0; more < 50; more++) breaker = afterTry(breaker, false, 0);
  expect(breaker.openUntilMs).toBe(10 * 60_000);
});
