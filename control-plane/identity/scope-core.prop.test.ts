import { describe, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { processorMs } from "../../kernel/processor-time.fixture.ts";
import { matchesPath, parseScope, scopesAllow } from "./scope-core.ts";

describe("scopes", () => {
  test("are a domain, an action and perhaps a path; anything else is none", () => {
    expect(parseScope("jobs:run:f/etl/*")).toEqual({ domain: "jobs", action: "run", path: "f/etl/*" });
    expect(parseScope("*:read")).toEqual({ domain: "*", action: "read", path: undefined });
    for (const text of ["", "jobs", "jobs:", ":run", "jobs:run:", "Jobs:run", "jobs:run:f/a b", "jobs:run:f/a:b", "jobs:run ", "**:run", "jobs:ru*"])
      expect(parseScope(text)).toBeUndefined();
  });

  test("allow what they name and nothing else", () => {
    expect(scopesAllow(["jobs:run"], "jobs:run", "f/a/b")).toBe(true);
    expect(scopesAllow(["jobs:run"], "jobs:read", undefined)).toBe(false);
    expect(scopesAllow(["*:read", "jobs:*"], "jobs:cancel", undefined)).toBe(true);
    expect(scopesAllow(["*:read", "jobs:*"], "scripts:deploy", "f/a/b")).toBe(false);
    expect(scopesAllow([], "jobs:run", undefined)).toBe(false);
  });

  test("with a path do not allow what is about no single thing", () => {
    expect(scopesAllow(["scripts:read:**"], "scripts:read", undefined)).toBe(false);
    expect(scopesAllow(["scripts:read:**"], "scripts:read", "f/a/b")).toBe(true);
  });
});

describe("paths of scopes", () => {
  test.each([
    ["f/etl/*", "f/etl/load", true],
    ["f/etl/*", "f/etl/sub/load", false],
    ["f/etl/*", "f/etl", false],
    ["f/etl/**", "f/etl/sub/load", true],
    ["f/*/load_*", "f/etl/load_all", true],
    ["f/*/load_*", "f/etl/x_load_all", false],
    ["**/load", "f/etl/sub/load", true],
    ["f/**/x/**/y", "f/a/x/b/x/c/y", true],
    ["f/**/x/**/y", "f/a/b/c/y", false],
    ["f/etl", "f/etl2", false],
    ["*", "f/etl", false],
  ])("%s and %s: %s", (pattern, path, expected) => {
    expect(matchesPath(pattern, path)).toBe(expected);
  });

  const part = fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 4 });
  const patternPart = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), minLength: 1, maxLength: 4 });

  test("match as the regular expression does that says the same", () => {
    fc.assert(
      fc.property(fc.array(patternPart, { minLength: 1, maxLength: 5 }), fc.array(part, { minLength: 1, maxLength: 6 }), (pattern, parts) => {
        // Parts of any number for `**`, characters but the slash for `*`.
        let source = "^/";
        for (const one of pattern) source += one === "**" ? "(?:[^/]+/)*" : `${one.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}/`;
        const expected = new RegExp(`${source}$`).test(`/${parts.join("/")}/`);
        expect(matchesPath(pattern.join("/"), parts.join("/"))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("cost little, whatever the pattern", () => {
    const tookMs = processorMs(() => {
      expect(matchesPath("a*".repeat(100), "a".repeat(255))).toBe(true);
      expect(matchesPath(`${"a*".repeat(100)}b`, "a".repeat(255))).toBe(false);
      expect(matchesPath(`${"**/a/".repeat(40)}b`, "a/".repeat(120))).toBe(false);
    });
    expect(tookMs).toBeLessThan(1000);
  });
});
