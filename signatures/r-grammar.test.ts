import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { fc } from "../kernel/fast-check.fixture.ts";
import { readR } from "./r.ts";

const R = ["/usr/bin/R", "/usr/local/bin/R"].find((path) => existsSync(path));

const SCRIPTS: readonly string[] = [
  "main <- function(x, y = c(1, 'a'), ...) {\n  if (x > 1 && !y) {\n    return(x)\n  }\n  else if (is.null(y)) 2 else {\n    -x^2:3\n  }\n}\n",
  "f = \\(x) x + 1; g <- function(a) a$b@c[[1, drop = ]][2, ]\nfor (i in seq_len(3)) {\n  while (TRUE) { next }\n  repeat break\n}\n",
  "x <- (if (a) b\nelse c)\ny <<- z -> w\n`odd name`(1, `b c` = 2, 'd' = 3, NULL = 4)\nstats::sd(x) + base:::c(1)\n",
  "df[df$a == 1 & df[['b']] %in% c(1L, 0x1F, 1e-3, 2i), ] |> head(n = 2)\ny ~ a + b | c\n?help\n~ x\n",
  'lapply(1:3, function(i) {\n  r"(raw \\d)"\n})[[1]]\nx[[a[1]]] <- if (b) 1\nfunction(a, b) NULL\n',
  "a <-\n  b %>%\n  c(\n    1,\n    # two\n    2\n  ) -\n  3\n{ a; b\nc }\n",
];

const WRONG: readonly (readonly [code: string, line: number, column: number, message: string])[] = [
  ["x <- c(1 2)\n", 1, 10, "unexpected `2`"],
  ["if (a) b\nelse c\n", 2, 1, "unexpected `else`"],
  ["main <- function(x) {\n  y <- x +\n}\n", 3, 1, "unexpected `}`"],
  ["main <- function(x, ) x\n", 1, 21, "unexpected `)`"],
  ["x <- 5y\n", 1, 7, "unexpected `y`"],
  ["a < b < c\n", 1, 7, "unexpected `<`"],
  ["f(a = b = c)\n", 1, 9, "unexpected `=`"],
  ["for (i of x) y\n", 1, 8, "unexpected `of`"],
  ["while TRUE {}\n", 1, 7, "unexpected `TRUE`"],
  ["x <- 'a' 'b'\n", 1, 10, "unexpected string"],
  ["function(1) x\n", 1, 10, "unexpected `1`"],
  ["x[[1]\n", 1, 2, "'[' is never closed"],
  ["x <-\n", 2, 1, "unexpected end of file"],
  ["TRUE <- function(if) 1\n", 1, 18, "unexpected `if`"],
  ["a::b::c\n", 1, 5, "unexpected `::`"],
  ["x$(a)\n", 1, 3, "unexpected `(`"],
  ["grepl('a\\d', x)\n", 1, 9, "`\\d` means nothing in a string: a backslash is `\\\\`"],
];

describe("the grammar of R", () => {
  it.each(SCRIPTS)("takes %j", (code) => expect(readR(code).problems).toEqual([]));

  it.each(WRONG)("refuses %j where R does", (code, line, column, message) => {
    expect(readR(code).problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });

  it("does not judge what is nested without end, and soon says so", () => {
    for (const piece of ["(", "-", "a <- ", "if (a) ", "function() ", "x[", "{"]) expect(readR(piece.repeat(20_000)).problems.length).toBeLessThanOrEqual(1);
  });
});

/** A script with pieces cut out, doubled or put in. */
const mutated = fc.constantFrom(...SCRIPTS).chain((script) =>
  fc
    .array(
      fc.record({
        at: fc.nat(script.length),
        cut: fc.nat(3),
        put: fc.constantFrom(
          "",
          "(",
          ")",
          "{",
          "}",
          "[",
          "]",
          "\n",
          ",",
          "=",
          "<-",
          "if",
          "else ",
          "function",
          "x",
          " 1",
          "'",
          "$",
          "::",
          "!",
          "-",
          ";",
          "in",
          "\\",
        ),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((edits) => edits.reduce((code, { at, cut, put }) => code.slice(0, at) + put + code.slice(at + cut), script)),
);

test.skipIf(R === undefined)("whatever R takes is taken, and nearly all that R refuses is refused", { timeout: 60_000 }, () => {
  const codes = [...SCRIPTS, ...WRONG.map(([code]) => code), ...fc.sample(mutated, 600)];
  const dir = mkdtempSync(join(tmpdir(), "millrace-r-"));
  try {
    codes.forEach((code, at) => void writeFileSync(join(dir, `${at}.R`), code));
    const judge =
      'for (n in seq_len(as.integer(commandArgs(TRUE)[1])) - 1) cat(tryCatch({ parse(paste0(n, ".R"), keep.source = FALSE); 1 }, error = function(e) 0))';
    writeFileSync(join(dir, "judge.R"), judge);
    const verdicts = execFileSync(R ?? "", ["--vanilla", "--slave", "-f", "judge.R", "--args", String(codes.length)], { cwd: dir, encoding: "utf8" });
    expect(verdicts).toHaveLength(codes.length);
    const ours = codes.map((code) => (readR(code).problems.length === 0 ? "1" : "0"));
    // To refuse what R takes would keep somebody from deploying a good script.
    expect(codes.filter((_, at) => verdicts[at] === "1" && ours[at] === "0")).toEqual([]);
    const refused = codes.filter((_, at) => verdicts[at] === "0");
    const missed = refused.filter((code) => readR(code).problems.length === 0);
    expect(refused.length).toBeGreaterThan(100);
    expect(missed.length / refused.length).toBeLessThan(0.02);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
