import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";

const opened = await openTestExecution({ languages: ["r"] });
afterAll(() => opened.dispose());

describe.skipIf(opened.execution.runtimes.find("r") === undefined)("R", () => {
  const run = (code: string, args = "{}") => runScript(opened.execution, "r", code, { args });

  it.each([
    ["main <- function(a, b = a + 1, ...) list(a, b, list(...))", '{"a":1,"x":9}', '[1,2,{"x":9}]'],
    ["x <- 5\nmain <- function() invisible(x)", "{}", "5"],
    ["main <- function() NULL", "{}", "null"],
    ["library(stats)\nlibrary(parallel)\nmain <- function() mclapply(1:2, sd)[[1]]", "{}", "null"],
    ["main <- function() system2(file.path(R.home('bin'), 'Rscript'), c('-e', '1+1'), stdout = TRUE)", "{}", '"[1] 2"'],
  ])("runs %s", async (code, args, resultJson) => {
    expect(await run(code, args)).toMatchObject({ exit: { reason: "succeeded", message: "" }, resultJson });
  });

  // Many in one script: R takes a while to start.
  it("gives arguments the types that R scripts expect", async () => {
    const args = {
      text: '"ü€😀\\/\n\t\u0001"',
      escaped: '"\\ud83d\\ude00\\u00e9\\ud800"',
      none: "null",
      numbers: "[1,2.5,null]",
      big: "12345678901234567890",
      rows: '[{"x":1,"y":"p"},{"x":2}]',
      deep: '{"k":{"l":[]},"m":[[1,2],["x",true]]}',
    };
    const shown = [
      ["list(text, nchar(text))", ["ü€😀/\n\t\u0001", 7]],
      ["escaped", "😀é\ufffd"],
      ["is.null(none)", true],
      ["list(class(numbers), numbers)", ["numeric", [1, 2.5, null]]],
      ["list(class(big), big)", ["character", "12345678901234567890"]],
      ["list(class(rows), dim(rows), rows$x, rows$y)", ["data.frame", [2, 2], [1, 2], ["p", null]]],
      [
        "list(deep$k$l, names(deep), deep$m)",
        [
          [],
          ["k", "m"],
          [
            [1, 2],
            ["x", true],
          ],
        ],
      ],
    ] as const;
    const code = `main <- function(${Object.keys(args).join(", ")}) list(${shown.map(([expression]) => expression).join(",\n")})`;
    const argsJson = `{${Object.entries(args)
      .map(([name, json]) => `"${name}":${json}`)
      .join(",")}}`;
    expect(JSON.parse((await run(code, argsJson)).resultJson)).toEqual(shown.map(([, value]) => value));
  });

  it("turns values into JSON as R people expect, and has the packages that R always has", async () => {
    const shown = [
      ["c(5, 0.1, 1/3, 1e300, 123456789012)", "[5,0.1,0.33333333333333331,1e+300,123456789012]"],
      ["list(NULL, NA, TRUE, I(1), list(), character(), factor('f'))", '[null,null,true,[1],[],[],"f"]'],
      ["as.Date('2026-01-02')", '"2026-01-02"'],
      ["as.POSIXct(0, origin = '1970-01-01', tz = 'UTC')", '"1970-01-01T00:00:00+00:00"'],
      ["data.frame(a = 1:2, b = c('x', NA))", '[{"a":1,"b":"x"},{"a":2,"b":null}]'],
      ["matrix(1:4, 2)", "[[1,3],[2,4]]"],
      ["'\"\\n'", '"\\"\\u000a"'],
      ["list(median(c(1, 3)), head(letters, 1), nrow(mtcars), is(1, 'numeric'))", '[2,"a",32,true]'],
      ["new('P', x = 1)@x", "1"],
      ["coef(lm(mpg ~ wt, mtcars))[[1]] > 30", "true"],
    ] as const;
    const code = `setClass('P', representation(x = 'numeric'))\nmain <- function() list(${shown.map(([expression]) => expression).join(",\n")})`;
    expect((await run(code)).resultJson).toBe(`[${shown.map(([, json]) => json).join(",")}]`);
  });

  it.each([
    ["main <- function(a) a", "{}", "MissingArgument", "`a`"],
    ["main <- function(a, b = 1) a", '{"a":1,"c":2}', "UnknownArgument", "`c`; it takes: a, b"],
    ["main <- function(a) a", '{"a":"x\\u0000"}', "InvalidArgument", "NUL"],
    ["x <- 1", "{}", "NoMain", "main"],
    ["main <- function() 1 + 'a'", "{}", "Error", "non-numeric argument"],
    ["main <- function() stop(structure(class = c('mine', 'error', 'condition'), list(message = 'm', call = NULL)))", "{}", "mine", "m"],
    ["library(noSuchPackage)", "{}", "packageNotFoundError", "noSuchPackage"],
    ["main <- function() parse(text = '1 +')", "{}", "Error", "unexpected end of input"],
  ])("explains %s", async (code, args, name, message) => {
    const outcome = await run(code, args);
    expect(outcome.exit).toMatchObject({ reason: "exit_code", code: 1 });
    expect(JSON.parse(outcome.resultJson).error).toMatchObject({ name, message: expect.stringContaining(message) });
  });

  it("lists the script's own lines, also of errors that R itself finds", async () => {
    const { error } = JSON.parse((await run("inner <- function(x) {\n  x + 'a'\n}\nmain <- function() {\n  inner(1)\n}\n")).resultJson);
    expect(error.stack).toBe("Error: non-numeric argument to binary operator\n  at main.r:2\n  at main.r:5");
    const top = JSON.parse((await run("x <- 1\nstop('at load')\n")).resultJson);
    expect(top.error.stack).toBe("Error: at load\n  at main.r:2");
  });

  it("shows warnings at once, on stderr", async () => {
    const outcome = await run("main <- function() {\n  warning('careful')\n  cat('after', file = stderr())\n}\n");
    expect(outcome.stderr).toMatch(/careful\nafter$/);
  });

  it.each([
    ["a function", "list(a = print)", "at $.a: a value of type function"],
    ["an infinity", "list(1, -Inf)", "at $[1]: -Inf"],
    ["text that is not UTF-8", "list(a = c('x', rawToChar(as.raw(255))))", "at $.a[1]: a string that is not UTF-8"],
    ["a value nested too deep", "Reduce(function(a, i) list(a), 1:200, 1)", "128 levels"],
  ])("refuses %s as a result", async (_, expression, message) => {
    expect((await run(`main <- function() ${expression}`)).exit).toMatchObject({ reason: "result_invalid", message: expect.stringContaining(message) });
  });

  it("reads and writes large values in good time", async () => {
    const a = Array.from({ length: 5_000 }, (_, index) => ({ id: index, text: `é${index}` }));
    const outcome = await run("main <- function(a) list(rows = nrow(a), last = a$text[nrow(a)], all = a$id)", JSON.stringify({ a }));
    const expected = { rows: a.length, last: "é4999", all: a.map(({ id }) => id) };
    expect(JSON.parse(outcome.resultJson)).toEqual(expected);
    expect(outcome.finishedAtUs - outcome.startedAtUs).toBeLessThan(10_000_000);
  });
});
