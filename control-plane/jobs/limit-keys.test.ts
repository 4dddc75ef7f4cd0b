import { describe, expect, test } from "vitest";
import { asWorkspaceId } from "../../kernel/ids.ts";
import { parseExactJson } from "../http/exact-json.ts";
import { keyProblem } from "./key-template.ts";
import { renderKey, renderLimits } from "./limit-keys.ts";

const context = (args: Record<string, unknown> = {}) => ({ workspace: asWorkspaceId("7"), workspaceName: "acme", scriptPath: "f/a/b", args });

describe("keys", () => {
  test.each([
    ["plain text", {}, "plain text"],
    ["$workspace/$args[id]", { id: "x" }, "acme/x"],
    ["$args[customer.region.name]", { customer: { region: { name: "eu" } } }, "eu"],
    ["$args[n]-$args[flag]", { n: 5, flag: true }, "5-true"],
    ["$args[list]", { list: [1, { a: "b" }] }, '[1,{"a":"b"}]'],
    ["$args[missing.deep]", { missing: "text" }, "null"],
    ["$args[toString]", {}, "null"],
    ["$args[a b]", { "a b": "spaces" }, "spaces"],
    ["$args[v]", { v: "$args[w] $workspace" }, "$args[w] $workspace"],
  ])("%s", (template, args, expected) => {
    expect(renderKey(template, context(args))).toBe(expected);
  });

  test("large integers keep their digits", () => {
    expect(renderKey("$args[id]", context(parseExactJson('{"id": 12345678901234567890}') as Record<string, unknown>))).toBe("12345678901234567890");
  });

  test.each(["$args[]", "$args[a..b]", "$args[.a]", "$args", "$args[a", "$job", "100 $", "$workspaces"])("%s is no template", (template) => {
    expect(keyProblem(template)).toBeDefined();
  });
});

describe("limits of a job", () => {
  const one = (key: string | undefined, args: Record<string, unknown> = {}, workspace = "7") =>
    renderLimits({ concurrency: [{ limit: 1, ...(key !== undefined && { key }) }] }, { ...context(args), workspace: asWorkspaceId(workspace) });

  test("the same key is the same limit and group; another key, workspace or kind is another", () => {
    const ids = [one("x"), one("$args[a]", { a: "x" }), one("y"), one("x", {}, "8"), renderLimits({ rate: [{ key: "x", starts: 1, per_s: 1 }] }, context())];
    expect(ids[0]).toEqual(ids[1]);
    expect(new Set(ids.map((entry) => entry?.group)).size).toBe(4);
    expect(new Set(ids.map((entry) => entry?.specs[0]?.id)).size).toBe(4);
    for (const entry of ids) expect(BigInt(entry?.group ?? 0)).toBeLessThan(2n ** 63n);
  });

  test("a script's own key is not a key of the same text", () => {
    expect(one(undefined)?.specs[0]).toMatchObject({ key: "f/a/b" });
    expect(one(undefined)?.specs[0]?.id).not.toBe(one("f/a/b")?.specs[0]?.id);
  });

  test("a long key is shown cut and is still told apart; control characters are not shown", () => {
    const [a, b] = [one("$args[k]", { k: `${"x".repeat(5000)}a` }), one("$args[k]", { k: `${"x".repeat(5000)}b` })];
    expect(a?.specs[0]?.key).toHaveLength(200);
    expect(a?.specs[0]?.id).not.toBe(b?.specs[0]?.id);
    expect(one("$args[k]", { k: "a\u0000\u001b[2J" })?.specs[0]?.key).toBe("a\uFFFD\uFFFD[2J");
  });

  test("of two limits with one key the first counts; several make one group whatever their order", () => {
    const twice = renderLimits(
      {
        concurrency: [
          { key: "a", limit: 3 },
          { key: "$args[x]", limit: 5 },
        ],
      },
      context({ x: "a" }),
    );
    expect(twice?.specs).toHaveLength(1);
    const groups = [
      ["a", "b"],
      ["b", "a"],
    ].map((keys) => renderLimits({ concurrency: keys.map((key) => ({ key, limit: 1 })) }, context())?.group);
    expect(groups[0]).toBe(groups[1]);
  });
});
