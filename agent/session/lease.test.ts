import { expect, test } from "vitest";
import { confirmLease, type Lease, lookAtLease } from "./lease.ts";
import { LeaseGuard } from "./lease-guard.ts";

const LIMITS = { gapMs: 5_000, selfFenceMs: 20_000 };
const at = (monotonicMs: number, wallMs = monotonicMs + 1_000_000): { monotonicMs: number; wallMs: number } => ({ monotonicMs, wallMs });
const leaseOf = (looked: number, confirmed: number): Lease => ({ lastLook: at(looked), confirmed: at(confirmed) });

test.each([
  ["the next second", leaseOf(9_000, 8_000), at(10_000), "sound"],
  ["exactly the gap", leaseOf(9_000, 8_000), at(14_000), "sound"],
  ["a pause beyond the gap", leaseOf(9_000, 8_000), at(14_001), "suspended"],
  ["exactly the fence, without a pause", leaseOf(27_000, 8_000), at(28_000), "sound"],
  ["beyond the fence, without a pause", leaseOf(27_500, 8_000), at(28_001), "expired"],
  ["a pause beyond the fence: killing comes before asking", leaseOf(9_000, 8_000), at(28_001), "expired"],
  ["a suspended machine, seen only on the wall clock", leaseOf(9_000, 8_000), at(9_100, 1_009_100 + 8_000), "suspended"],
  ["a machine suspended for long, seen only on the wall clock", leaseOf(9_000, 8_000), at(9_100, 1_009_100 + 30_000), "expired"],
  ["a wall clock that steps back raises doubt, and fences nothing", leaseOf(9_000, 8_000), at(9_100, 1_009_100 - 3_600_000), "suspended"],
  ["a small correction of the wall clock", leaseOf(9_000, 8_000), at(10_000, 1_010_000 - 2_000), "sound"],
  ["no session yet, long ago", { lastLook: at(99_000), confirmed: undefined }, at(100_000), "sound"],
] as const)("%s", (_name, lease, now, verdict) => {
  expect(lookAtLease(lease, now, LIMITS).verdict).toBe(verdict);
});

test("a pause is reported once: the next look starts from it", () => {
  const first = lookAtLease(leaseOf(9_000, 8_000), at(15_000), LIMITS);
  expect(first.verdict).toBe("suspended");
  expect(lookAtLease(first.lease, at(15_500), LIMITS).verdict).toBe("sound");
});

test("a late echo does not move the lease back", () => {
  expect(confirmLease(leaseOf(9_000, 8_000), at(7_000)).confirmed).toEqual(at(8_000));
  expect(confirmLease(leaseOf(9_000, 8_000), at(8_500)).confirmed).toEqual(at(8_500));
});

test("the guard counts from when the echoed keepalive was sent, not from when the echo came", () => {
  let ms = 0;
  const guard = new LeaseGuard({ monotonicMs: () => ms, wallMs: () => ms });
  const first = guard.noteSent();
  ms = 4_000;
  expect(guard.confirm(first)).toBe(true);
  expect(guard.confirm(first)).toBe(false);
  expect(guard.confirm(3_999)).toBe(false);
  for (ms = 5_000; ms <= 20_000; ms += 1_000) expect(guard.look(LIMITS)).toBe("sound");
  ms = 20_001;
  expect(guard.look(LIMITS)).toBe("expired");
});
