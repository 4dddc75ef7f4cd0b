import { expect, test } from "vitest";
import { parseStat, readProcesses, treeSeconds } from "./cpu.ts";

test("a line of /proc is read past a name with spaces and brackets", () => {
  const line = "123 (node (main) x) S 45 123 1 0 -1 4194304 500 0 0 0 250 50 30 20 20 0 11 0 100 1000 200 18446744073709551615";
  expect(parseStat(line)).toEqual({ pid: 123, parent: 45, ownS: 3, endedChildrenS: 0.5 });
});

test("a tree is its root and all below it, with those that have ended, and nobody else", () => {
  const one = (pid: number, parent: number, ownS: number, endedChildrenS = 0) => ({ pid, parent, ownS, endedChildrenS });
  const all = [one(1, 0, 100), one(10, 1, 1, 0.5), one(11, 10, 2), one(12, 11, 4), one(20, 1, 50)];
  expect(treeSeconds(all, 10)).toBe(7.5);
  expect(treeSeconds(all, 99)).toBe(0);
});

test("this process is found, and its time grows as it works", () => {
  const before = treeSeconds(readProcesses(), process.pid);
  for (const begun = process.cpuUsage(); process.cpuUsage(begun).user < 60_000; );
  expect(treeSeconds(readProcesses(), process.pid) - before).toBeGreaterThanOrEqual(0.02);
});
