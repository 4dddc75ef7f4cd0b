import { expect, test } from "vitest";
import { Latencies } from "../load/latencies.ts";
import { Book } from "./book.ts";

const SECOND = 1_000_000;
const stamp = (at: number, n = 0, s = 0) => ({ at, n, s, sleep_ms: 0 });

function bookOf(sampled: readonly number[] = []): Book {
  const book = new Book();
  book.measure({ fromUs: 10 * SECOND, toUs: 20 * SECOND, bucketMs: 1000, sampled });
  return book;
}

test("latency counts from the intended start, for starts inside the window only", () => {
  const book = bookOf();
  book.arrived(stamp(9 * SECOND, 0), 11 * SECOND);
  book.arrived(stamp(11 * SECOND, 1), 11 * SECOND + 5000);
  book.arrived(stamp(19 * SECOND, 2), 25 * SECOND);
  book.arrived(stamp(21 * SECOND, 3), 21 * SECOND + 5000);
  const latencies = Latencies.fromText(book.report().sources[0]?.latencies ?? "");
  expect(latencies.count).toBe(2);
  // A job that was due in the window and came long after it is measured to the full.
  expect(Math.round(latencies.maxMs / 10)).toBe(600);
});

test("every job is followed, inside the window or not", () => {
  const book = bookOf();
  book.arrived(stamp(SECOND, 0), 2 * SECOND);
  book.recorded(0, 0, 3 * SECOND);
  book.recorded(0, 4, 30 * SECOND);
  expect([...book.report().recorded]).toEqual([1, 0, 0, 0, 1]);
  expect([...book.report().started]).toEqual([1]);
  expect(book.ended).toBe(2);
});

test("worker time is cut to the window", () => {
  const book = bookOf();
  book.served(1, 9 * SECOND, 11 * SECOND);
  book.served(1, 12 * SECOND, 13 * SECOND);
  book.served(1, 19 * SECOND, 40 * SECOND);
  book.served(1, 30 * SECOND, 40 * SECOND);
  expect(book.report().sources[1]?.servedMs).toBe(3000);
});

test("rates fall into buckets of time, with the percentiles of each", () => {
  const book = bookOf();
  for (let at = 0; at < 10; at++) book.arrived(stamp(10 * SECOND, at), 10 * SECOND + 1000);
  book.arrived(stamp(12 * SECOND, 10), 12 * SECOND + 9000);
  book.recorded(0, 0, 12 * SECOND + 1);
  const { buckets } = book.report();
  expect(buckets.map(({ started, ended }) => [started, ended])).toEqual([
    [10, 0],
    [0, 0],
    [1, 1],
  ]);
  expect(Math.round(buckets[0]?.p99Ms ?? 0)).toBe(1);
  expect(Math.round(buckets[2]?.p99Ms ?? 0)).toBe(9);
});

test("the longest time without an arrival is kept per source", () => {
  const book = bookOf();
  for (const [s, second] of [
    [0, 10],
    [1, 10],
    [0, 11],
    [1, 14],
    [0, 13],
  ] as const)
    book.arrived(stamp(second * SECOND, 0, s), second * SECOND);
  const { sources } = book.report();
  expect([sources[0]?.longestGapMs, sources[1]?.longestGapMs]).toEqual([2000, 4000]);
});

test("single latencies are kept of the sources that were asked for", () => {
  const book = bookOf([1]);
  book.arrived(stamp(11 * SECOND, 0, 0), 12 * SECOND);
  book.arrived(stamp(11 * SECOND, 1, 1), 11 * SECOND + 7);
  const { sources } = book.report();
  expect([...(sources[0]?.samples ?? [])]).toEqual([]);
  expect([...(sources[1]?.samples ?? [])]).toEqual([11 * SECOND, 7]);
});
