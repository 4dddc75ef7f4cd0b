import { expect, test } from "vitest";
import { WorkspaceTurns } from "./workspace-turns.ts";

const LIMITS = { waitingPerWorkspace: 100, waiting: 150, markMs: 60_000 };

test("who has used least goes first, and a newcomer is not ahead of all that came before", () => {
  const turns = new WorkspaceTurns<number>(2, LIMITS);
  for (let item = 0; item < 3; item++) turns.add("busy", item);
  expect(turns.next(0, 2)).toEqual({ workspace: "busy", item: 0 });
  turns.ended("busy", 50, false, 50);
  turns.add("quiet", 10);
  turns.add("quiet", 11);
  expect(turns.next(50, 2)).toEqual({ workspace: "quiet", item: 10 });
  turns.ended("quiet", 60, false, 110);
  expect(turns.next(110, 2)).toEqual({ workspace: "busy", item: 1 });
  turns.ended("busy", 5, false, 115);
  expect(turns.next(115, 2)).toEqual({ workspace: "busy", item: 2 });
  expect(turns.next(115, 2)).toEqual({ workspace: "quiet", item: 11 });
  expect(turns.next(115, 2)).toBeUndefined();
});

test("workspaces whose evaluations ran away leave one thread to the others, until the mark has passed", () => {
  const turns = new WorkspaceTurns<string>(2, LIMITS);
  for (const workspace of ["wild", "worse"]) {
    turns.add(workspace, "first");
    turns.next(0, 2);
    turns.ended(workspace, 400, true, 0);
    for (let item = 0; item < 3; item++) turns.add(workspace, `${item}`);
  }
  expect(turns.next(1, 2)?.workspace).toBe("wild");
  expect(turns.next(1, 2)).toBeUndefined();
  turns.add("calm", "now");
  expect(turns.next(1, 2)?.workspace).toBe("calm");
  expect(turns.next(LIMITS.markMs + 1, 2)?.workspace).toBe("worse");
});

test("a marked workspace waits for the second thread", () => {
  const turns = new WorkspaceTurns<number>(2, LIMITS);
  turns.add("wild", 1);
  expect(turns.next(0, 1)).toEqual({ workspace: "wild", item: 1 });
  turns.ended("wild", 400, true, 0);
  turns.add("wild", 2);
  expect(turns.next(1, 1)).toBeUndefined();
  expect(turns.next(1, 2)).toEqual({ workspace: "wild", item: 2 });
});

test("one thread alone serves marked workspaces too", () => {
  const turns = new WorkspaceTurns<number>(1, LIMITS);
  turns.add("wild", 1);
  turns.next(0, 2);
  turns.ended("wild", 400, true, 0);
  turns.add("wild", 2);
  expect(turns.next(1, 2)).toEqual({ workspace: "wild", item: 2 });
});

test("what waits is bounded for each workspace, and can be taken out", () => {
  const turns = new WorkspaceTurns<number>(1, LIMITS);
  for (let item = 0; item < LIMITS.waitingPerWorkspace; item++) expect(turns.add("one", item)).toBeUndefined();
  expect(turns.add("one", -1)).toBe(-1);
  expect(turns.add("two", -2)).toBeUndefined();
  expect(turns.clear()).toHaveLength(LIMITS.waitingPerWorkspace + 1);
  expect(turns.waiting).toBe(0);
  expect(turns.next(0, 2)).toBeUndefined();
});

test("when too many wait together, what came last of the workspace with most of them has to go", () => {
  const turns = new WorkspaceTurns<string>(1, LIMITS);
  for (let item = 0; item < 100; item++) turns.add("greedy", `greedy ${item}`);
  for (let item = 0; item < 50; item++) expect(turns.add("busy", `busy ${item}`)).toBeUndefined();
  expect(turns.add("calm", "calm")).toBe("greedy 99");
  for (let item = 98; item >= 75; item--) expect(turns.add("busy", "more")).toBe(`greedy ${item}`);
  // Where as many of others wait, nobody has to make room.
  expect(turns.add("busy", "one more than greedy")).toBe("one more than greedy");
  expect(turns.waiting).toBe(LIMITS.waiting);
});
