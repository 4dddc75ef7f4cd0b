import { describe, expect, it } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { canonicalJson, codeHash, scriptHash } from "./content-hash.ts";

const SCRIPT = { path: "f/a/b", language: "python3", code: "x = 1\n", tag: "default", timeoutMs: 1_000 };

describe("the hash of a script", () => {
  it("is sha256 in hex, and stable", () => {
    expect(scriptHash(SCRIPT)).toBe("0642e6547e4a6ea8d230835c5add72c4c4b01f5332721951870153708d4f99fc");
    expect(codeHash("python3", "x = 1\n")).toBe("007059a10dfd50b15ba48adb7df3258202db127911323085b7e750dc1692fccf");
  });

  it("does not depend on the order of the settings, nor on absent ones", () => {
    const { tag, timeoutMs, ...rest } = SCRIPT;
    expect(scriptHash({ timeoutMs, tag, ...rest })).toBe(scriptHash(SCRIPT));
    expect(scriptHash({ ...SCRIPT, summary: undefined })).toBe(scriptHash(SCRIPT));
  });

  it.each([
    { path: "f/a/c" },
    { language: "bash" },
    { code: "x = 1" },
    { tag: "gpu" },
    { timeoutMs: 1_001 },
    { timeoutMs: undefined },
    { summary: "" },
    { tag: null },
  ])("changes with %j", (change) => {
    expect(scriptHash({ ...SCRIPT, ...change })).not.toBe(scriptHash(SCRIPT));
  });

  it("keeps language and code apart, and lone surrogates too", () => {
    expect(codeHash("a", "bc")).not.toBe(codeHash("ab", "c"));
    expect(codeHash("a", "\ud800")).not.toBe(codeHash("a", "\ud801"));
  });

  it("refuses a number that JSON cannot say", () => {
    expect(() => scriptHash({ ...SCRIPT, timeoutMs: Number.NaN })).toThrow(TypeError);
  });
});

describe("canonical JSON", () => {
  it("says what JSON says, with sorted names", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
    expect(canonicalJson({ b: 1, a: [{ d: 2, c: undefined }] })).toBe('{"a":[{"d":2}],"b":1}');
  });
});
