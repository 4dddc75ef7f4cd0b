import { describe, expect, it } from "vitest";
import { readR } from "./r.ts";
import { showSignature } from "./show-signature.ts";

const MAINS: readonly (readonly [code: string, expected: string])[] = [
  ["main <- function() 1\n", ""],
  ["main <- function(x, count = 3, flag = TRUE, ...) {\n  x\n}\n", "x: any, count?: number = 3, flag?: boolean = true, ..."],
  ["main = function(x) x\n", "x: any"],
  ["main <- \\(x, y = 'a') x\n", 'x: any, y?: string = "a"'],
  ["`main` <- function(x.y, `odd name` = 1) x.y\n", "x.y: any, odd name?: number = 1"],
  ["main <-\n  function(\n    x, # first\n    y = -1.5e3\n  ) x\n", "x: any, y?: number = -1500"],
  [
    'main <- function(a = 3L, b = 0x1F, c = NULL, d = NA, e = F, f = \'it\\\'s\', g = r"(a\\b)", h = "\\u0041") a\n',
    'a?: number = 3, b?: number = 31, c?: any = null, d?: any = null, e?: boolean = false, f?: string = "it\'s", g?: string = "a\\\\b", h?: string = "A"',
  ],
  [
    "main <- function(a = c(1, 2), b = list(x = 1, y = list('z')), c = list(), d = c(a = 1), e = Sys.time(), f = 1 + 2, g = c(x, 1), h = c(1) + c(2)) a\n",
    'a?: any[] = [1,2], b?: {} = {"x":1,"y":["z"]}, c?: any[] = [], d?: any, e?: any, f?: any, g?: any, h?: any',
  ],
  ["library(jsonlite)\nhelper <- function(z) { main <- function(q) q }\nmain <- function(a) helper(a)\n", "a: any"],
  ['x <- "main <- function(a) a"\n# main <- function(b) b\n', "no main"],
  ["main <- compose(f, g)\n", "..."],
  ["x$main <- function(a) a\nf(main = function(b) b)\n", "no main"],
  ["", "no main"],
];

describe("the main of an R file", () => {
  it.each(MAINS)("%j", (code, expected) => {
    const { signature, problems } = readR(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ["main <- function(a) {\n  c(1, 2\n}\n", 3, 1, "unexpected `}`"],
    ["main <- function(a) {\n  a\n", 1, 21, "'{' is never closed"],
    ["main <- function(a) {\n  'x\n}\n", 2, 3, "this string is never closed"],
    ["main <- function(a) a)\n", 1, 22, "unexpected `)`"],
  ])("says where %j is broken", (code, line, column, message) => {
    const { problems } = readR(code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });
});
