import { expect, test } from "vitest";
import { asWorkspaceId } from "../../../kernel/ids.ts";
import type { CheckVerdict } from "../../resources/schema-check-codec.ts";
import { createFormAnswers } from "./form-answers.ts";

const [busy, other] = [
  { workspace: asWorkspaceId("1"), place: "ask" },
  { workspace: asWorkspaceId("2"), place: "ask" },
];

test("answers of one workspace are checked so many at a time, and do not keep those of others out", async () => {
  const held: ((verdict: CheckVerdict) => void)[] = [];
  const fill = createFormAnswers({ fill: () => new Promise((resolve) => held.push(resolve)) });
  const checks = Array.from({ length: 8 }, () => fill(busy, { type: "string" }, '"x"', ""));
  await expect(fill(busy, { type: "string" }, '"x"', "")).rejects.toMatchObject({ code: "resource_exhausted", retryAfterS: 1 });
  checks.push(fill(other, { type: "string" }, '"x"', ""));
  for (const resolve of held.splice(0)) resolve({ kind: "fits", valueText: '"y"' });
  expect(await Promise.all(checks)).toEqual(Array.from({ length: 9 }, () => '"y"'));
  const next = fill(busy, { type: "string" }, '"x"', "");
  for (const resolve of held) resolve({ kind: "bad_schema", message: "of a release that did not look" });
  expect(await next).toBe('"x"');
});
