import { describe, expect, it } from "vitest";
import { Demand, share } from "./demand.ts";

const MINUTE = 60_000;

describe("Demand", () => {
  it("is one at the beginning, and nothing when nobody comes for a quarter of an hour", () => {
    const demand = new Demand(0);
    expect([demand.wanted(0), demand.wanted(14 * MINUTE), demand.wanted(15 * MINUTE)]).toEqual([1, 1, 0]);
    demand.note(20 * MINUTE);
    expect([demand.wanted(20 * MINUTE), demand.wanted(34 * MINUTE), demand.wanted(35 * MINUTE)]).toEqual([1, 1, 0]);
  });

  it("is as many as started within a second, and forgets that by halves", () => {
    const demand = new Demand(0);
    for (let at = 0; at < 8; at++) demand.note(1_000 + at * 100);
    expect(demand.wanted(1_700)).toBe(8);
    expect(demand.wanted(1_700 + 2 * MINUTE)).toBe(4);
    expect(demand.wanted(1_700 + 4 * MINUTE)).toBe(2);
    // Scripts that come alone do not take it down at once.
    for (let at = 0; at < 4; at++) demand.note(1_700 + (1 + at) * 10_000);
    expect(demand.wanted(1_700 + 40_000)).toBe(6);
  });

  it("is bounded", () => {
    const demand = new Demand(0);
    for (let at = 0; at < 500; at++) demand.note(at);
    expect(demand.wanted(500)).toBe(64);
  });
});

describe("share", () => {
  it("gives each kind one before any gets a second, the last used first", () => {
    const wishes = [
      { wanted: 3, bytes: 10, lastMs: 1 },
      { wanted: 3, bytes: 30, lastMs: 2 },
    ];
    expect(share(1_000, wishes)).toEqual([3, 3]);
    expect(share(80, wishes)).toEqual([2, 2]);
    expect(share(55, wishes)).toEqual([2, 1]);
    expect(share(35, wishes)).toEqual([0, 1]);
    expect(share(0, wishes)).toEqual([0, 0]);
  });

  it("gives nothing to those who want nothing", () => {
    expect(share(100, [{ wanted: 0, bytes: 1, lastMs: 5 }])).toEqual([0]);
  });
});
