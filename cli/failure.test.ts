import { describe, expect, it } from "vitest";
import type { JobView } from "../control-plane/jobs/contract.ts";
import { EXIT_REASONS } from "../kernel/exit.ts";
import { describeExit, explainFailure, ownPlace, readJobError } from "./failure.ts";

const PYTHON = `Traceback (most recent call last):
  File "main.py", line 6, in main
    return helper(n)
  File "main.py", line 2, in helper
    return json.loads(x)
  File "/usr/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
ValueError: bad`;
const SCRIPT = "TypeError: x is 3\n    at JSON.parse (<anonymous>)\n    at inner (main.ts:2:9)\n    at async Module.main (main.ts:4:31)";

function failed(exit: JobView["exit"]): JobView {
  return {
    id: "i",
    workspace: "main",
    kind: "inline",
    language: "python3",
    tag: "default",
    priority: 5,
    status: "failed",
    attempt: 1,
    created_by: "x",
    created_at: "2026-01-01T00:00:00Z",
    ...(exit !== undefined && { exit }),
  };
}

describe("ownPlace", () => {
  it("finds the innermost frame of the user's file", () => {
    expect(ownPlace(PYTHON)).toEqual({ line: 2, name: "helper" });
    expect(ownPlace(SCRIPT)).toEqual({ line: 2, name: "inner" });
    expect(ownPlace("Error: x\n    at main.mjs:7:1")).toEqual({ line: 7, name: "" });
    expect(ownPlace("Error: x\n    at parse (node:json:7:1)")).toBeUndefined();
    expect(ownPlace("")).toBeUndefined();
  });
});

describe("explainFailure", () => {
  it("names the error, the user's line under the user's name, and its text", () => {
    const result = JSON.stringify({ error: { name: "ValueError", message: "bad\u001b[2J", stack: PYTHON } });
    expect(explainFailure(failed({ reason: "exit_code", code: 1 }), result, "my.py", "def helper(x):\n    return json.loads(x)\n")).toEqual([
      "  ValueError: bad",
      "  at my.py:2 in helper",
      "      return json.loads(x)",
    ]);
  });

  it("adds what the agent says unless the error says it already", () => {
    const result = JSON.stringify({ error: { name: "Timeout", message: "the script ran longer than 2 s" } });
    expect(explainFailure(failed({ reason: "timeout", message: "longer than 2 s" }), result, "a", undefined)).toEqual([
      "  Timeout: the script ran longer than 2 s",
    ]);
    expect(explainFailure(failed({ reason: "lost", message: "no word for 30 s" }), undefined, "a", undefined)).toEqual(["  no word for 30 s"]);
  });
});

describe("readJobError", () => {
  it("takes nothing else for an error", () => {
    expect(["null", "3", "{", '{"error":"x"}', "[]"].map(readJobError)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
});

describe("describeExit", () => {
  it("has words of its own for every reason", () => {
    const phrases = EXIT_REASONS.filter((reason) => reason !== "succeeded" && reason !== "cancelled").map((reason) =>
      describeExit(failed({ reason, code: 3, signal: "SIGKILL" })),
    );
    expect(new Set(phrases).size).toBe(phrases.length);
    expect(phrases.slice(0, 2)).toEqual(["exit code 3", "killed by SIGKILL"]);
  });
});
