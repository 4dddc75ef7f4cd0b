import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { buildRoutes, matchRoute, parsePattern, type Segment, shapeOf } from "./route-pattern-core.ts";

const segmentsOf = (text: string): readonly Segment[] => {
  const parsed = parsePattern(text);
  if (typeof parsed === "string") throw new Error(`${text}: ${parsed}`);
  return parsed;
};
const routes = (...patterns: string[]) => buildRoutes(patterns.map((value) => ({ value, segments: segmentsOf(value) })));
const look = (tree: ReturnType<typeof routes>, path: string) => matchRoute(tree, path === "/" ? [] : path.slice(1).split("/"));

test("what is literal goes before a parameter, a parameter before a rest, from the left; a way that leads nowhere is left again", () => {
  const tree = routes("/", "/orders", "/orders/:id", "/orders/new", "/orders/new/:page/x", "/:a/:b/y", "/files/*rest", "/orders/:id/*more");
  const table: [string, string | undefined, Record<string, string>?][] = [
    ["/", "/"],
    ["/orders", "/orders"],
    ["/orders/7", "/orders/:id", { id: "7" }],
    ["/orders/new", "/orders/new"],
    ["/orders/new/2/x", "/orders/new/:page/x", { page: "2" }],
    ["/orders/new/y", "/orders/:id/*more", { id: "new", more: "y" }],
    ["/shops/1/y", "/:a/:b/y", { a: "shops", b: "1" }],
    ["/files/a/b", "/files/*rest", { rest: "a/b" }],
    ["/files", "/files/*rest", { rest: "" }],
    ["/orders/", undefined],
    ["/nothing", undefined],
    ["/shops/1/z", undefined],
  ];
  for (const [path, value, params = {}] of table) expect([path, look(tree, path)]).toEqual([path, value === undefined ? undefined : { value, params }]);
});

test("a pattern that cannot be is refused in words", () => {
  for (const text of ["orders", "/a//b", "/:", "/:1a", "/*", "/*rest/x", "/:a/:a", "/a b", "/%41", "/..", `/${"a/".repeat(16)}b`, `/${"a".repeat(300)}`])
    expect(parsePattern(text), text).toBeTypeOf("string");
});

test("patterns of one shape differ in names alone", () => {
  expect(shapeOf(segmentsOf("/a/:b/*c"))).toBe(shapeOf(segmentsOf("/a/:x/*y")));
  expect(shapeOf(segmentsOf("/a/:b"))).not.toBe(shapeOf(segmentsOf("/a/*b")));
  expect(shapeOf(segmentsOf("/a/:b"))).not.toBe(shapeOf(segmentsOf("/a/b")));
});

const part = fc.constantFrom("a", "b", ":x", ":y", "*z");
const pattern = fc
  .array(part, { maxLength: 4 })
  .map((parts) => `/${parts.join("/")}`)
  .filter((text) => typeof parsePattern(text) !== "string");

test("a path is answered if and only if some pattern fits it, and by one that does", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 8 }), fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 5 }), (patterns, path) => {
      const fits = (text: string): boolean => {
        const segments = segmentsOf(text);
        const rest = segments.at(-1)?.kind === "rest";
        const fixed = rest ? segments.slice(0, -1) : segments;
        if (rest ? path.length < fixed.length : path.length !== fixed.length) return false;
        return fixed.every((segment, at) => segment.kind !== "literal" || segment.text === path[at]);
      };
      const found = matchRoute(routes(...patterns), path);
      expect(found !== undefined).toBe(patterns.some(fits));
      if (found !== undefined) expect(fits(found.value)).toBe(true);
    }),
  );
});
