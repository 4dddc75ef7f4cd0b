import { expect, test } from "vitest";
import { asWorkspaceId } from "../../../kernel/ids.ts";
import { createFormAnswers } from "./form-answers.ts";

const asked = { workspace: asWorkspaceId("1"), place: "ask" };

test("an answer is what the check makes of it; to a form that is no schema any answer is taken", async () => {
  const seen: unknown[] = [];
  const filled = createFormAnswers({
    fill: async (...of) => {
      seen.push(of);
      return { kind: "fits", valueText: '{"x":1}' };
    },
  });
  expect(await filled(asked, { properties: { x: { default: 1 } } }, "null", "")).toBe('{"x":1}');
  expect(seen).toEqual([[asked.workspace, { type: "object", properties: { x: { default: 1 } } }, "{}"]]);
  const unusable = createFormAnswers({ fill: async () => ({ kind: "bad_schema", message: "of a release that did not look" }) });
  expect(await unusable(asked, { type: "string" }, '"x"', "")).toBe('"x"');
});
