import { expect, test } from "vitest";
import type { Child } from "./partition-drop-store.ts";
import { planRetention } from "./retention-core.ts";

const DAY = 24 * 60 * 60 * 1000;
const day = (n: number): number => n * DAY;
const child = (parent: Child["parent"], n: number, state: Child["state"] = "attached"): Child => ({ parent, name: `${parent}_${n}`, dayMs: day(n), state });
const dropping = (of: Child): { parent: string; dayMs: number; thinned: boolean; dropping: boolean } => ({
  parent: of.parent,
  dayMs: of.dayMs,
  thinned: false,
  dropping: true,
});

test("a day expires when its last moment is older than the retention, not before", () => {
  const children = [child("job", 10), child("job", 11)];
  const expired = (nowMs: number): number[] => planRetention(children, [], nowMs, 7 * DAY).expired.map((one) => one.dayMs);
  expect(expired(day(18) - 1)).toEqual([]);
  expect(expired(day(18))).toEqual([day(10)]);
  expect(expired(day(19))).toEqual([day(10), day(11)]);
});

test("oldest days first; of a day output first, history last", () => {
  const plan = planRetention([child("job", 3), child("job_done", 2), child("job", 2), child("job_log", 2)], [], day(20), DAY);
  expect(plan.expired.map((one) => one.children.map((of) => of.name))).toEqual([["job_log_2", "job_2", "job_done_2"], ["job_3"]]);
});

test("a drop that was broken off is finished; a table that somebody else took out is left alone", () => {
  const ours = child("job", 2, "pending");
  const halfDropped = child("job_log", 2, "detached");
  const theirs = child("job_done", 1, "detached");
  const plan = planRetention([theirs, ours, halfDropped], [dropping(ours), dropping(halfDropped)], day(20), DAY);
  expect(plan.unfinished).toEqual([ours, halfDropped]);
  expect(plan.strays).toEqual([theirs]);
  expect(plan.expired).toEqual([]);
});

test("a child that was thinned before is said to be", () => {
  const plan = planRetention([child("job", 2), child("job_done", 2)], [{ parent: "job", dayMs: day(2), thinned: true, dropping: false }], day(20), DAY);
  expect(plan.expired[0]?.children.map((one) => one.thinned)).toEqual([true, false]);
});
