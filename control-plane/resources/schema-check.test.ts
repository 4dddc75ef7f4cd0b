import { expect, test } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import { createSchemaCheck } from "./schema-check.ts";

const SLOW = { type: "string", pattern: "^(a+)+$" };
const WORST = JSON.stringify(`${"a".repeat(60)}!`);

test("three workspaces whose patterns never end are told to come back later; a fourth one is served, and waits for none of their lines", async () => {
  const checks = createSchemaCheck(20, { waitingPerWorkspace: 4, waiting: 50 });
  const hostile = ["1", "2", "3"].map(asWorkspaceId);
  let stopped = 0;
  const codes = hostile.flatMap((workspace) =>
    Array.from({ length: 8 }, async () => {
      const error = await checks.fill(workspace, SLOW, WORST).catch((thrown: unknown) => thrown);
      if (!(error instanceof AppError)) return undefined;
      if (error.code === "invalid_argument") stopped += 1;
      return [error.code, error.retryAfterS];
    }),
  );
  const calm = await Promise.all(Array.from({ length: 4 }, () => checks.fill(asWorkspaceId("4"), { type: "string" }, '"x"')));
  expect(calm).toEqual(Array(4).fill({ kind: "fits", valueText: '"x"' }));
  // A dozen of theirs wait: one after the other these four would have been the last.
  expect(stopped).toBeLessThan(10);
  const told = await Promise.all(codes);
  expect(told.filter((one) => one?.[0] === "resource_exhausted" && one[1] === 1)).toHaveLength(10);
  expect(told.filter((one) => one?.[0] === "invalid_argument")).toHaveLength(14);
});
