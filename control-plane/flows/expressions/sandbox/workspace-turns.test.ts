import { expect, test } from "vitest";
import { TURN_LIMITS, WorkspaceTurns } from "./workspace-turns.ts";

test("who has used least goes first, and a newcomer is not ahead of all that came before", () => {
  const turns = new WorkspaceTurns<number>(2);
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
  const turns = new WorkspaceTurns<string>(2);
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
  expect(turns.next(TURN_LIMITS.markMs + 1, 2)?.workspace).toBe("worse");
});

test("a marked workspace waits for the second thread", () => {
  const turns = new WorkspaceTurns<number>(2);
  turns.add("wild", 1);
  expect(turns.next(0, 1)).toEqual({ workspace: "wild", item: 1 });
  turns.ended("wild", 400, true, 0);
  turns.add("wild", 2);
  expect(turns.next(1, 1)).toBeUndefined();
  expect(turns.next(1, 2)).toEqual({ workspace: "wild", item: 2 });
});

test("one thread alone serves marked workspaces too", () => {
  const turns = new WorkspaceTurns<number>(1);
  turns.add("wild", 1);
  turns.next(0, 2);
  turns.ended("wild", 400, true, 0);
  turns.add("wild", 2);
  expect(turns.next(1, 2)).toEqual({ workspace: "wild", item: 2 });
});

test("what waits is bounded for each workspace, and can be taken out", () => {
  const turns = new WorkspaceTurns<number>(1);
  for (let item = 0; item < TURN_LIMITS.waitingPerWorkspace; item++) expect(turns.add("one", item)).toBe(true);
  expect(turns.add("one", -1)).toBe(false);
  expect(turns.add("two", -1)).toBe(true);
  expect(turns.clear()).toHaveLength(TURN_LIMITS.waitingPerWorkspace + 1);
  expect(turns.waiting).toBe(0);
  expect(turns.next(0, 2)).toBeUndefined();
});
