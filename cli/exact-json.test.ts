import { describe, expect, it } from "vitest";
import { fc } from "../kernel/fast-check.fixture.ts";
import { indentJson, parseExactJson } from "./exact-json.ts";

describe("parseExactJson", () => {
  it("keeps the digits of numbers that a double cannot hold", () => {
    const text = '{"id":12345678901234567890,"x":[0.1000000000000000055511,1e400,1.0],"n":3}';
    expect(JSON.stringify(parseExactJson(text, "it"))).toBe(text);
  });

  it("says what is wrong and where", () => {
    expect(() => parseExactJson('{"a":', "--args")).toThrow(/--args is not JSON: .*(position 5|end of JSON)/i);
  });
});

describe("indentJson", () => {
  it("lays out like JSON.stringify", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(indentJson(text)).toBe(JSON.stringify(JSON.parse(text), undefined, 2));
      }),
    );
  });

  it("leaves digits, repeated keys and braces in text alone", () => {
    expect(indentJson('{"a":12345678901234567890,"a":"{[,:\\"]}"}')).toBe('{\n  "a": 12345678901234567890,\n  "a": "{[,:\\"]}"\n}');
  });
});
