import { expect, test } from "vitest";
import { orphansOf } from "./footprint.ts";

test("an orphan is still there and below the agent no more; what has ended since, or runs below it, is none", () => {
  const all = [
    { pid: 1, parent: 0 },
    { pid: 10, parent: 1 },
    { pid: 11, parent: 10 },
    { pid: 12, parent: 11 },
    { pid: 20, parent: 1 },
  ];
  expect(orphansOf([11, 12, 20, 20, 30], all, 10)).toEqual([20]);
});
