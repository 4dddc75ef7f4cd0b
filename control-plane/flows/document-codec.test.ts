import { describe, expect, test } from "vitest";
import { parseExactJson } from "../http/exact-json.ts";
import { decodeDocument } from "./document-codec.ts";
import { FLOW_LIMITS } from "./openflow.ts";

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}

describe("decodeDocument", () => {
  test("gives the JSON text with members in their order", () => {
    const value = { b: 1, a: [null, true, "ü", 1.5] };
    expect(decodeDocument(value, "")).toEqual({ kind: "document", document: value, json: '{"b":1,"a":[null,true,"ü",1.5]}' });
  });

  test.each<[string, unknown, string]>([
    ["too deep", nested(FLOW_LIMITS.documentDepth + 1), "is nested deeper than 100 levels"],
    ["too many values", Array.from({ length: FLOW_LIMITS.documentValues }, () => 0), "has more than 100000 values"],
    ["too much text", { a: "x".repeat(FLOW_LIMITS.documentBytes) }, "is larger than 1048576 bytes"],
    ["too many bytes", { a: "ü".repeat(FLOW_LIMITS.documentBytes / 2) }, "is larger than 1048576 bytes"],
    ["a NUL", { a: "\u0000" }, "has text that must not contain NUL"],
    ["half a character in a name", { "\ud800": 1 }, "half of a surrogate pair"],
    ["__proto__", JSON.parse('{"__proto__": 1}'), "has a member __proto__"],
    ["digits that would be lost", parseExactJson('{"a": 12345678901234567890}'), "has the number 12345678901234567890, which cannot be kept exactly"],
    ["no number", { a: Number.NaN }, "a number that JSON cannot say"],
    ["nothing", undefined, "a value that JSON cannot say"],
  ])("refuses %s", (_name, value, message) => {
    expect(decodeDocument(value, "/document")).toEqual({ kind: "problem", problem: { pointer: "/document", message: expect.stringContaining(message) } });
  });

  test("takes what is as deep as is allowed", () => {
    expect(decodeDocument(nested(FLOW_LIMITS.documentDepth - 1), "").kind).toBe("document");
  });

  test("ends with what has no end", () => {
    const circle: unknown[] = [];
    circle.push(circle, circle);
    expect(decodeDocument(circle, "").kind).toBe("problem");
  });
});
