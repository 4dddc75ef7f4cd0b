import { expect, test, vi } from "vitest";
import { Scope } from "./scope.ts";

test("what was started last is ended first, and once", async () => {
  const scope = new Scope();
  const ended: string[] = [];
  for (const name of ["folder", "postgres", "server"]) scope.defer(() => void ended.push(name));
  await Promise.all([scope.close(), scope.close()]);
  expect(ended).toEqual(["server", "postgres", "folder"]);
  expect(scope.isClosed).toBe(true);
});

test("an end that fails is told and does not keep the others from ending", async () => {
  const told = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const scope = new Scope();
  const ended: string[] = [];
  scope.defer(() => void ended.push("folder"));
  scope.defer(() => Promise.reject(new Error("it is gone already")));
  await scope.close();
  expect(ended).toEqual(["folder"]);
  expect(told.mock.calls).toEqual([["clean-up: it is gone already\n"]]);
  told.mockRestore();
});
