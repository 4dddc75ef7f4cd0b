import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { mayHoldReferences, referenceOf, referencesIn, substitute, TooDeep } from "./references-core.ts";

test("a whole text of the right form is a reference, anything else is a text", () => {
  expect(referenceOf("$var:f/a/b")).toEqual({ kind: "variable", path: "f/a/b" });
  expect(referenceOf("$res:u/me/db.main")).toEqual({ kind: "resource", path: "u/me/db.main" });
  for (const text of ["$var:", "$var:hello", "$res:x/a/b", " $var:f/a/b", "$var:f/a/b ", "see $var:f/a/b", "$VAR:f/a/b", "$var:f/a/../b/", "$var:f/a/b\n"])
    expect(referenceOf(text)).toBeUndefined();
});

test("references are found anywhere in a value, each once", () => {
  const value = { a: "$var:f/a/b", list: ["$var:f/a/b", { deep: "$res:f/c/d" }], text: "plain", n: 1, none: null };
  expect(referencesIn(value)).toEqual([
    { kind: "variable", path: "f/a/b" },
    { kind: "resource", path: "f/c/d" },
  ]);
  expect(referencesIn({ "$var:f/a/b": 1 })).toEqual([]);
});

test("what replaces a reference is not looked into, and nothing else changes", () => {
  expect(substitute(["$var:f/a/b", 2], () => "$res:f/c/d")).toEqual(["$res:f/c/d", 2]);
  const odd: unknown = JSON.parse('{"__proto__": "$var:f/a/b", "x": {"constructor": 1}}');
  expect(JSON.stringify(substitute(odd, () => "v"))).toBe('{"__proto__":"v","x":{"constructor":1}}');
  fc.assert(
    fc.property(fc.json(), (json) => {
      expect(JSON.stringify(substitute(JSON.parse(json), () => "!"))).toBe(JSON.stringify(JSON.parse(json)));
    }),
  );
});

test("a look at the text is enough to know that there is none", () => {
  expect(mayHoldReferences('{"a":"$var:f/a/b"}')).toBe(true);
  expect(mayHoldReferences('{"a":"costs $5"}')).toBe(false);
});

test("a value that is nested too deeply is refused", () => {
  expect(() => referencesIn(JSON.parse("[".repeat(600) + "]".repeat(600)))).toThrow(TooDeep);
});
