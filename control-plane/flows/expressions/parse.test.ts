import { expect, test } from "vitest";
import { PARSE_LIMITS, parseExpression } from "./parse.ts";
import { sandboxCode } from "./sandbox-code.ts";

function problemIn(source: string): string | undefined {
  const parsed = parseExpression(source);
  return parsed.kind === "problem" ? `${parsed.offset}: ${parsed.message}` : undefined;
}

function codeOf(source: string): string {
  const parsed = parseExpression(source);
  return parsed.kind === "problem" ? parsed.message : sandboxCode(source, parsed.expression).split("\n").slice(1, -1).join("\n");
}

test("one expression is its value, also as an object and in brackets, with semicolons and comments", () => {
  expect(codeOf("results.a.b")).toBe("return results.a.b");
  expect(codeOf("  (1 + 2) ;; // three")).toBe("  return (1 + 2) ;; // three");
  expect(codeOf("{ a: 1 }")).toBe("return { a: 1 }");
  expect(codeOf("/* as JSON */ { a };")).toBe("/* as JSON */ return { a };");
  expect(codeOf("{}")).toBe("return {}");
  expect(codeOf('"use strict"')).toBe('return "use strict"');
});

test("of statements the last value counts, in blocks, branches, cases and attempts too", () => {
  expect(codeOf("const a = 1;\na + 1")).toBe("const a = 1;\nreturn a + 1");
  expect(codeOf("let a = 1; { a }")).toBe("let a = 1; { return a }");
  expect(codeOf("if (a) b; else { c }")).toBe("if (a) return b; else { return c }");
  expect(codeOf("try { a } catch { b } finally { c }")).toBe("try { return a } catch { return b } finally { c }");
  expect(codeOf("switch (a) { case 1: b; break; case 2: c; default: d }")).toBe("switch (a) { case 1: return b; break; case 2: c; default: return d }");
  expect(codeOf("if (a) return 1; 2")).toBe("if (a) return 1; return 2");
  expect(codeOf("for (const a of b) if (a) return a; return null")).toBe("for (const a of b) if (a) return a; return null");
});

test("what has no value is a problem, not silently null", () => {
  expect(problemIn("")).toBe("0: it is empty");
  expect(problemIn(" // nothing\n;")).toBe("0: it is empty");
  expect(problemIn("1; const a = 1")).toMatch(/^3: the last statement has no value/);
  expect(problemIn("while (a) { b }")).toMatch(/^0: the last statement has no value/);
  expect(problemIn("function f() { return 1 } let a = 1")).toMatch(/no value/);
});

test("problems say what and where", () => {
  expect(problemIn("results.a +")).toBe("11: it ends too early");
  expect(problemIn("a b")).toBe("2: unexpected token");
  expect(problemIn("{ a: 1, b }} ")).toMatch(/unexpected token/);
  expect(problemIn('import("fs")')).toMatch(/^0: modules cannot be imported/);
  expect(problemIn("import fs from 'fs'")).toMatch(/^0: modules cannot be imported/);
  expect(problemIn("import.meta.url")).toMatch(/import/);
  expect(problemIn("'a\0b'")).toMatch(/^2: a character with the code 0/);
});

test("nothing breaks out of the function around the expression", () => {
  for (const source of ["1 }); globalThis.x = 1; (function () { 2", "a) + (b", "})(); //"]) expect(problemIn(source)).toMatch(/unexpected token/);
});

test("length and nesting are bounded, whatever nests", () => {
  const { sourceChars, nesting } = PARSE_LIMITS;
  expect(problemIn(`"${"x".repeat(sourceChars)}"`)).toMatch(/longer than/);
  const nested: ((depth: number) => string)[] = [
    (depth) => "[".repeat(depth) + "]".repeat(depth),
    (depth) => `${"!".repeat(depth)}a`,
    (depth) => `${"a=>".repeat(depth)}1`,
    (depth) => `${"`${".repeat(depth)}a${"}`".repeat(depth)}`,
    (depth) => `${"a?b:".repeat(depth)}c`,
    (depth) => `a${".b".repeat(depth)}`,
    (depth) => `${"{".repeat(depth)}1${"}".repeat(depth)}`,
  ];
  for (const make of nested) {
    expect(problemIn(make(Math.floor(nesting / 3)))).toBeUndefined();
    expect(problemIn(make(5_000))).toMatch(/nested too deeply/);
  }
});
