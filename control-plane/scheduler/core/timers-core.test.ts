import { expect, test } from "vitest";
import { asJobId } from "../../../kernel/ids.ts";
import {
  beginRead,
  createTimers,
  failRead,
  finishRead,
  nextDueMs,
  removeTimer,
  setTimer,
  type Timed,
  type TimerRead,
  type Timers,
  takeDue,
} from "./timers-core.ts";

const LIMIT = 4;
const HORIZON_MS = 1000;
const entry = (number: number, atMs: number): Timed => ({ id: asJobId(`00000000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`), atMs });

function begun(timers: Timers<Timed>, nowMs: number): TimerRead {
  const read = beginRead(timers, nowMs);
  if (read === undefined) throw new Error("a read is due");
  return read;
}

/** Timers that have read an empty table at time 0. */
function open(limit = LIMIT): Timers<Timed> {
  const timers = createTimers<Timed>(limit, HORIZON_MS);
  finishRead(timers, begun(timers, 0), [], true, () => false);
  return timers;
}

test("the next read is due when memory reaches only half as far as it may, and holds half as much", () => {
  const timers = open();
  expect(beginRead(timers, HORIZON_MS / 2 - 1)).toBeUndefined();
  const moments = [1, 2, 3].map((number) => entry(number, 900));
  for (const moment of moments) setTimer(timers, moment);
  expect(beginRead(timers, HORIZON_MS / 2)).toBeUndefined();
  removeTimer(timers, moments[0]?.id as Timed["id"]);
  expect(beginRead(timers, HORIZON_MS / 2)).toEqual({ after: { atMs: HORIZON_MS, id: expect.any(String) }, untilMs: 1.5 * HORIZON_MS });
  expect(beginRead(timers, HORIZON_MS / 2)).toBeUndefined();
});

test("moments that are removed, or moved again and again, do not fill memory", () => {
  const timers = open();
  setTimer(timers, entry(1, 999));
  for (let moves = 0; moves < 1000; moves++) setTimer(timers, entry(2, 900 - (moves % 800)));
  expect([timers.entries.size, timers.heap.size <= 100]).toEqual([2, true]);
  for (let number = 3; number < 1000; number++) {
    setTimer(timers, entry(number, 500));
    removeTimer(timers, entry(number, 500).id);
  }
  expect([timers.entries.size, timers.heap.size <= 100]).toEqual([2, true]);
});

test("twice as many as are to be held are held; one more, and only the soonest are, to the last of which memory reaches", () => {
  const timers = open();
  for (let number = 1; number <= 2 * LIMIT; number++) setTimer(timers, entry(number, 100 * number));
  expect(timers.entries.size).toBe(2 * LIMIT);
  setTimer(timers, entry(9, 50));
  expect([timers.entries.size, timers.edge]).toEqual([LIMIT, { atMs: 300, id: entry(3, 300).id }]);
  // Of the same millisecond those up to that one are in memory.
  setTimer(timers, entry(2, 300));
  setTimer(timers, entry(4, 300));
  expect([...timers.entries.keys()].sort()).toEqual([1, 2, 3, 9].map((number) => entry(number, 0).id));
  expect(takeDue(timers, 300, 10).map(({ id }) => id)).toEqual([9, 1, 2, 3].map((number) => entry(number, 0).id));
});

test("what is handed out, removed or set while a read is under way is not taken from its rows", () => {
  const timers = open(100);
  const [due, removed, moved, known] = [entry(1, 600), entry(2, 1200), entry(3, 1200), entry(4, 1200)];
  setTimer(timers, due);
  const read = begun(timers, 600);
  expect(takeDue(timers, 600, 10)).toEqual([due]);
  removeTimer(timers, removed.id);
  setTimer(timers, entry(3, 1400));
  finishRead(timers, read, [due, removed, moved, known], true, (id) => id === known.id);
  expect(takeDue(timers, 2000, 10)).toEqual([entry(3, 1400)]);
});

test("after a read that failed memory reaches as far as before, and what was kept for its end is forgotten", () => {
  const timers = open(100);
  const read = begun(timers, 600);
  setTimer(timers, entry(1, 1200));
  setTimer(timers, entry(2, 700));
  failRead(timers);
  expect([nextDueMs(timers), timers.entries.size, timers.duringRead.size]).toEqual([700, 1, 0]);
  expect(begun(timers, 600)).toEqual(read);
});

test("a read that brings a part reaches to its last row; one that brings nothing, and was cut off, no further than before", () => {
  const timers = open(100);
  finishRead(timers, begun(timers, 600), [], false, () => false);
  expect(timers.edge.atMs).toBe(HORIZON_MS);
  finishRead(timers, begun(timers, 600), [entry(1, 1100)], false, () => false);
  expect(timers.edge).toEqual({ atMs: 1100, id: entry(1, 0).id });
});
