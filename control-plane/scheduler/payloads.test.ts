import { expect, test } from "vitest";
import type { JobPayload } from "../jobs/model.ts";
import { PayloadCache } from "./payloads.ts";
import { testJob } from "./testing/core-world.ts";

/** What any payload takes. */
const EMPTY_BYTES = 200;
const payload = (letters: number, ofCode?: number): JobPayload => ({
  kind: "inline",
  scriptHash: undefined,
  code: ofCode === undefined ? undefined : "c".repeat(ofCode),
  argsJson: "a".repeat(letters),
  createdBy: "test",
});

test("payloads are kept as long as all of them fit, and each is counted once", () => {
  const cache = new PayloadCache(5 * EMPTY_BYTES);
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => testJob("1").id);
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error("there are four");
  const [small, withCode] = [payload(100), payload(50, 50)];
  cache.keep(first, small);
  cache.keep(second, withCode);
  cache.keep(second, small);
  expect([cache.bytes, cache.get(first), cache.get(second)]).toEqual([4 * EMPTY_BYTES, small, withCode]);
  cache.keep(third, payload(1));
  expect([cache.bytes, cache.get(third)]).toEqual([4 * EMPTY_BYTES, undefined]);
  cache.keep(third, payload(0));
  cache.keep(fourth, payload(0));
  expect([cache.bytes, cache.get(third)?.argsJson, cache.get(fourth)]).toEqual([5 * EMPTY_BYTES, "", undefined]);
  for (const id of [first, first, fourth]) cache.drop(id);
  expect([cache.bytes, cache.get(first)]).toEqual([3 * EMPTY_BYTES, undefined]);
  cache.keep(fourth, payload(0));
  expect(cache.get(fourth)?.argsJson).toBe("");
});
