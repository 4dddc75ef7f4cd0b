import { describe, expect, it } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { findJsonProblem, MAX_JSON_DEPTH, readJsonMembers } from "./json-text.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("findJsonProblem", () => {
  it("agrees with JSON.parse on valid JSON", () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), fc.constantFrom(undefined, 1, "\t"), (text, indent) => {
        expect(findJsonProblem(JSON.stringify(JSON.parse(text), null, indent))).toBeUndefined();
      }),
    );
  });

  it("agrees with JSON.parse on damaged JSON", () => {
    const damage = fc.tuple(fc.json(), fc.nat(), fc.nat(3), fc.string({ unit: fc.constantFrom(...'[]{}":,01.eE+-\\ut nrlfas\u0001'), maxLength: 3 }));
    fc.assert(
      fc.property(damage, ([text, at, cut, insert]) => {
        const place = at % (text.length + 1);
        const damaged = text.slice(0, place) + insert + text.slice(place + cut);
        expect([damaged, findJsonProblem(damaged) === undefined]).toEqual([damaged, parses(damaged)]);
      }),
      { numRuns: 3_000 },
    );
  });

  it("accepts nesting up to the bound and no further", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(findJsonProblem(nested(MAX_JSON_DEPTH))).toBeUndefined();
    expect(findJsonProblem(nested(MAX_JSON_DEPTH + 1))).toContain("128");
    expect(findJsonProblem("[".repeat(1_000_000))).toContain("128");
  });
});

describe("readJsonMembers", () => {
  it("keeps the text of each value", () => {
    const read = readJsonMembers('{ "big" : 12345678901234567890.50 , "list":[1, {"x":2}] ,"\\u0061":"q\\"" , "__proto__": null }');
    expect(read).toEqual({
      kind: "members",
      values: new Map([
        ["big", "12345678901234567890.50"],
        ["list", '[1, {"x":2}]'],
        ["a", '"q\\""'],
        ["__proto__", "null"],
      ]),
    });
  });

  it("agrees with JSON.parse on names and values", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const read = readJsonMembers(JSON.stringify(object));
        const values = read.kind === "members" ? [...read.values].map(([name, json]) => [name, JSON.parse(json)]) : [];
        expect(values).toEqual(Object.entries(JSON.parse(JSON.stringify(object))));
      }),
    );
  });

  it.each(["[]", "1", '"a"', "", "{", '{"a":1}x'])("reports that %s is no object", (text) => {
    expect(readJsonMembers(text).kind).toBe("problem");
  });
});
