/** Each way in which an attempt can end on an agent, by a real job. Memory and disks: `sandbox/attacks-resources.test.ts`. */
import { afterAll, describe, expect, it } from "vitest";
import type { Exit } from "../../kernel/exit.ts";
import { openTestExecution, runScript, type ScriptOptions, startScript } from "./attempt-harness.ts";

const opened = await openTestExecution({
  prepared: 0,
  languages: ["bash", "python3"],
  limits: { timeoutGraceMs: 100, cancelGraceMs: 100, resultMaxBytes: 1000 },
});
const { execution } = opened;
const hasPython = execution.runtimes.find("python3") !== undefined;
afterAll(() => opened.dispose());

const WAYS: readonly [string, string, string, Partial<Exit>, ScriptOptions?][] = [
  ["a result", "bash", "echo 1", { reason: "succeeded", code: 0, signal: "" }],
  ["an exit code", "bash", "exit 3", { reason: "exit_code", code: 3 }],
  ["an exit code that looks like a signal of a child", "bash", "bash -c 'kill -KILL $$' || exit 5", { reason: "exit_code", code: 5 }],
  ["a fault of its own", "bash", "kill -SEGV $$", { reason: "signal", signal: "SIGSEGV" }],
  ["a KILL of its own", "bash", "kill -KILL $$", { reason: "signal", signal: "SIGKILL" }],
  ["an abort", "python3", "import os\ndef main():\n    os.abort()\n", { reason: "signal", signal: "SIGABRT" }],
  ["an exception", "python3", "def main():\n    raise ValueError('no')\n", { reason: "exit_code", code: 1, message: "ValueError: no" }],
  ["its time", "bash", "sleep 300", { reason: "timeout" }, { limits: { timeoutMs: 200 } }],
  ["its time, ignoring TERM", "bash", "trap '' TERM\nwhile true; do :; done", { reason: "timeout" }, { limits: { timeoutMs: 200 } }],
  ["its syntax", "python3", "def main(:\n", { reason: "syntax_error" }],
  ["a result that is no JSON", "python3", "def main():\n    return {1, 2}\n", { reason: "result_invalid" }],
  ["a result that is too large", "python3", "def main():\n    return 'x' * 2000\n", { reason: "result_too_large" }],
  ["a language that is not there", "cobol", "", { reason: "runtime_missing" }],
  ["more than this agent can do", "bash", "echo 1", { reason: "sandbox_error" }, { requirements: { minSandboxLevel: 9 } }],
];

describe("an attempt ends by", () => {
  it.each(WAYS.filter(([, language]) => language !== "python3" || hasPython))("%s (%s)", async (_, language, code, exit, options) => {
    expect((await runScript(execution, language, code, options)).exit).toMatchObject(exit);
  });

  it.each([
    ["cancel", "cancelled"],
    ["fence", "fenced"],
  ] as const)("%s", async (how, reason) => {
    const script = startScript(execution, "bash", "echo ready\nsleep 300");
    await script.saw("ready");
    script[how]("somebody");
    expect((await script.done).exit).toMatchObject({ reason, message: "somebody" });
  });
});
