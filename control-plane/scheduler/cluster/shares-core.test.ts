import { expect, test } from "vitest";
import { giveAway, holdingOf, takeOrder } from "./shares-core.ts";

test("an order that a later one has overtaken, or that does not know what was given away, changes nothing", () => {
  const share = { seq: 0, round: 0, slots: 0 };
  expect(takeOrder(share, { seq: 2, round: 0, slots: 3 })).toBe(true);
  expect(takeOrder(share, { seq: 1, round: 0, slots: 1 })).toBe(false);
  expect(share.slots).toBe(3);
  giveAway(share, 2, 0);
  expect(takeOrder(share, { seq: 3, round: 0, slots: 4 })).toBe(false);
  expect([share.slots, holdingOf(share, 2)]).toEqual([1, 2]);
  expect(takeOrder(share, { seq: 4, round: 1, slots: 2 })).toBe(true);
});

test("an owner that uses more than its share when it gives attempts away keeps what it reports", () => {
  const share = { seq: 3, round: 0, slots: 1 };
  expect(holdingOf(share, 2)).toBe(2);
  giveAway(share, 1, 1);
  // The home takes this for the share; were it less, a slot would be nobody's when the last attempt ends.
  expect([share.slots, holdingOf(share, 1), holdingOf(share, 0)]).toEqual([1, 1, 1]);
});
