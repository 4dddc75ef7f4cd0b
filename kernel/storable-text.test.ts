import { expect, test } from "vitest";
import { isStorableJson, storable, WELL_FORMED, WITHOUT_NUL } from "./storable-text.ts";

test("NUL is told apart from all other characters, and becomes the replacement character", () => {
  expect(["", "a", "\u0001\u001f\u007f", "\ud800", "😀"].map(WITHOUT_NUL.check)).toEqual([true, true, true, true, true]);
  expect(["\u0000", "a\u0000", "\u0000a"].map(WITHOUT_NUL.check)).toEqual([false, false, false]);
  expect(storable("a\u0000b\u0000")).toBe("a\uFFFDb\uFFFD");
  expect(storable("plain \ud800")).toBe("plain \ud800");
});

test("halves of surrogate pairs do not fit JSON of the database, wherever they stand", () => {
  expect(["😀", "\ud800", "\udc00x", "\u0000"].map(WELL_FORMED.check)).toEqual([true, false, false, false]);
  expect(isStorableJson({ type: "object", enum: ["a", 1, null, true], properties: { "😀": { default: "x" } } })).toBe(true);
  expect(isStorableJson({ properties: { a: { default: "\u0000" } } })).toBe(false);
  expect(isStorableJson({ properties: { "\ud800": {} } })).toBe(false);
  expect(isStorableJson([[{ enum: ["\udc00"] }]])).toBe(false);
});
