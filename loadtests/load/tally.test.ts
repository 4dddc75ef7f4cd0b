import { expect, test } from "vitest";
import { audit, FATE, problemsOf, Tally } from "./tally.ts";

function tallyOf(counts: readonly number[]): Tally {
  const tally = new Tally();
  for (const [number, count] of counts.entries()) tally.set(number, count);
  return tally;
}

test("counts grow with the numbers and travel as bytes", () => {
  const tally = new Tally();
  tally.increment(200_000);
  tally.increment(200_000);
  expect([tally.get(200_000), tally.get(199_999), tally.get(9_999_999), tally.length]).toEqual([2, 0, 0, 200_001]);
  expect(new Tally(tally.toBytes()).get(200_000)).toBe(2);
});

test("a count stops at what a byte holds instead of starting over", () => {
  const tally = new Tally();
  for (let at = 0; at < 300; at++) tally.increment(0);
  expect(tally.get(0)).toBe(255);
});

test("every job accepted and ended once: nothing to say", () => {
  const once = tallyOf([1, 1, 1]);
  const found = audit(tallyOf([FATE.accepted, FATE.accepted, FATE.accepted]), once, once);
  expect(found).toEqual({ accepted: 3, unknown: 0, ended: 3, lost: 0, twice: 0, ghosts: 0, startedAgain: 0 });
  expect(problemsOf(found)).toEqual([]);
});

test("an acknowledged job that never ended is lost", () => {
  const found = audit(tallyOf([FATE.accepted, FATE.accepted]), tallyOf([1, 1]), tallyOf([1, 0]));
  expect(problemsOf(found)).toEqual(["1 of 2 acknowledged jobs were lost: they never ended"]);
});

test("a job whose end was recorded twice is told, accepted or not", () => {
  const found = audit(tallyOf([FATE.accepted, FATE.unknown]), tallyOf([2, 2]), tallyOf([2, 2]));
  expect(problemsOf(found)).toEqual(["2 jobs ended more than once"]);
  expect(found.startedAgain).toBe(2);
});

test("a job of unknown fate may have ended once or not at all", () => {
  const found = audit(tallyOf([FATE.unknown, FATE.unknown]), tallyOf([1, 0]), tallyOf([1, 0]));
  expect(problemsOf(found)).toEqual([]);
  expect([found.unknown, found.ended]).toEqual([2, 1]);
});

test("a job that ended and was never sent is a ghost", () => {
  expect(problemsOf(audit(tallyOf([FATE.accepted]), tallyOf([1, 1]), tallyOf([1, 1])))).toEqual(["1 jobs ended that were never sent"]);
});
