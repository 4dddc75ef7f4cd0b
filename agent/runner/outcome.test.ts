import { describe, expect, it } from "vitest";
import { type Ended, judgeEnd, judgeStop, oneLine } from "./outcome.ts";

const ended: Ended = { code: 0, record: { kind: "none" }, recordOverflowed: false, lastLine: undefined, stderrTail: "", resultMaxBytes: 100 };
const judge = (change: Partial<Ended>) => judgeEnd({ ...ended, ...change });

describe("judgeEnd", () => {
  it.each([
    ["no record and code 0", {}, "succeeded", "null"],
    ["a result", { record: { kind: "result", json: "[1]" } }, "succeeded", "[1]"],
    ["exit 0 on request", { record: { kind: "exit", code: 0 } }, "succeeded", "null"],
    ["a last line that is JSON", { lastLine: { line: "1.0" } }, "succeeded", "1.0"],
    ["a last line that is text", { lastLine: { line: 'say "hi"' } }, "succeeded", '"say \\"hi\\""'],
    ["no last line", { lastLine: { line: undefined } }, "succeeded", "null"],
  ] as const)("takes %s as a success", (_, change, reason, resultJson) => {
    expect(judge(change)).toMatchObject({ exit: { reason, code: 0, signal: "" }, resultJson });
  });

  it.each([
    ["a code", { code: 3 }, { reason: "exit_code", code: 3 }],
    ["a signal", { code: 137 }, { reason: "signal", signal: "SIGKILL", code: 0 }],
    ["a code above 128 that the script asked for", { code: 137, record: { kind: "exit", code: 137 } }, { reason: "exit_code", code: 137 }],
    ["a code that is no signal", { code: 255 }, { reason: "exit_code", code: 255 }],
    ["a code in spite of a result", { code: 1, record: { kind: "result", json: "1" } }, { reason: "exit_code", code: 1 }],
    ["a file that grew too large", { code: 153 }, { reason: "disk_full" }],
    [
      "a full heap of Node",
      { code: 134, stderrTail: "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory" },
      { reason: "out_of_memory" },
    ],
    ["an abort with other last words", { code: 134, stderrTail: "assertion failed" }, { reason: "signal", signal: "SIGABRT" }],
    [
      "a MemoryError",
      { code: 1, record: { kind: "error", name: "MemoryError", message: "", stack: "", code: "" } },
      { reason: "out_of_memory", message: "MemoryError" },
    ],
    ["a full disk", { code: 1, record: { kind: "error", name: "OSError", message: "m", stack: "", code: "ENOSPC" } }, { reason: "disk_full" }],
    [
      "an exception",
      { code: 1, record: { kind: "error", name: "A", message: "b\nc", stack: "s", code: "" } },
      { reason: "exit_code", code: 1, message: "A: b" },
    ],
    [
      "a syntax error",
      { code: 1, record: { kind: "syntax", fault: { message: "m", line: 2 } } },
      { reason: "syntax_error", message: "SyntaxError: line 2: m" },
    ],
    ["a result that is no JSON", { record: { kind: "unfit", message: "m" } }, { reason: "result_invalid", message: "m" }],
    ["a result above the cap", { record: { kind: "result", json: `"${"x".repeat(99)}"` } }, { reason: "result_too_large" }],
    ["a result that was cut off", { recordOverflowed: true }, { reason: "result_too_large" }],
    ["a last line above the cap", { lastLine: { line: "too_long" } }, { reason: "result_too_large" }],
    ["a last line that grows above the cap by quoting", { lastLine: { line: '"'.repeat(60) } }, { reason: "result_too_large" }],
  ] as const)("explains %s", (_, change, exit) => {
    const verdict = judge(change);
    expect(verdict.exit).toMatchObject(exit);
    expect(Object.keys(JSON.parse(verdict.resultJson))).toEqual(["error"]);
  });

  it("counts the cap in bytes", () => {
    expect(judge({ record: { kind: "result", json: `"${"é".repeat(49)}"` } }).exit.reason).toBe("succeeded");
    expect(judge({ record: { kind: "result", json: `"${"é".repeat(50)}"` } }).exit.reason).toBe("result_too_large");
  });
});

describe("judgeStop", () => {
  it("names the stop", () => {
    expect(judgeStop({ kind: "timeout", message: "m" })).toEqual({
      exit: { reason: "timeout", message: "m", code: 0, signal: "" },
      resultJson: '{"error":{"name":"Timeout","message":"m"}}',
    });
  });
});

describe("oneLine", () => {
  it("makes text safe for one line of a database and a terminal", () => {
    expect(oneLine("a\u0000b\u001b[31m\tc\ud800\nsecond")).toBe("a b [31m c\ufffd");
    expect(oneLine(`${"x".repeat(499)}😀`)).toBe(`${"x".repeat(499)}\ufffd`);
  });
});
