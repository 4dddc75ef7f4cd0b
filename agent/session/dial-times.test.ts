import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { pauseBeforeDialMs, welcomeWithinMs } from "./dial-times.ts";

/** As the server sets them by default. */
const [KEEPALIVE_MS, FENCE_MS] = [3_000, 20_000];
/** 2.5 keepalives: then a stream without frames is given up. */
const SILENT_MS = 7_500;
/** The kernel asks again for a connection that got no answer. */
const SYN_AGAIN_MS = [0, 1_000, 3_000, 7_000];

/** Dials from `fromMs` on: each begins, may be answered at some moments, and ends. All in milliseconds after the network was cut. */
function* dials(fromMs: number, leaseEndMs: number, refused: boolean, randoms: readonly number[]): Generator<readonly number[]> {
  let atMs = fromMs;
  for (let failures = 0; ; failures++) {
    const leftMs = (): number | undefined => (atMs < leaseEndMs ? leaseEndMs - atMs : undefined);
    atMs += pauseBeforeDialMs(failures, leftMs(), randoms[failures % randoms.length] ?? 0);
    const begunMs = atMs;
    const patienceMs = refused ? 0 : welcomeWithinMs(leftMs());
    yield SYN_AGAIN_MS.filter((ms) => ms <= patienceMs).map((ms) => begunMs + ms);
    atMs += patienceMs;
  }
}

/** When the agent is in again, after a cut of so long. */
function backAtMs(cutMs: number, all: Iterable<readonly number[]>): number {
  for (const answered of all) {
    const found = answered.find((ms) => ms >= cutMs);
    if (found !== undefined) return found;
  }
  return Number.POSITIVE_INFINITY;
}

const randoms = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 30 });

test("after 15 s without a network an agent is back before its lease ends, whatever the dice say", () => {
  fc.assert(
    fc.property(randoms, fc.integer({ min: 0, max: KEEPALIVE_MS }), fc.boolean(), (dice, confirmedBeforeMs, refused) => {
      const leaseEndMs = FENCE_MS - confirmedBeforeMs;
      // A cut that is noticed at once, or one that shows only in silence.
      const fromMs = refused ? 0 : SILENT_MS;
      expect(backAtMs(15_000, dials(fromMs, leaseEndMs, refused, dice))).toBeLessThan(leaseEndMs);
    }),
    { numRuns: 2_000 },
  );
});

test("without attempts the pauses grow to ten seconds, and a dial has ten", () => {
  const pauses = Array.from({ length: 8 }, (_, failures) => pauseBeforeDialMs(failures, undefined, 0.999_999));
  expect(pauses).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  expect(welcomeWithinMs(undefined)).toBe(10_000);
});

test("a lease that is nearly over makes no dial without a pause", () => {
  expect(pauseBeforeDialMs(6, 1, 0)).toBeGreaterThanOrEqual(20);
  expect(welcomeWithinMs(1)).toBe(2_000);
});
