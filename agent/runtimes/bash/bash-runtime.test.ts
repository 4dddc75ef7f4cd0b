import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";

const opened = await openTestExecution({ languages: ["bash"] });
afterAll(() => opened.dispose());

describe.skipIf(opened.execution.runtimes.find("bash") === undefined)("Bash", () => {
  const run = (code: string, args = "{}") => runScript(opened.execution, "bash", code, { args });
  const show = 'a="$1"\nb="${2:-none}"\nc="$3"\nprintf "<%s>" "$#" "$@" >&2\necho "$b"';

  it.each([
    ["strings as they are and others as JSON text", '{"a":"x y","b":{"k":[1.50]},"c":true}', '<3><x y><{"k":[1.50]}><true>', '{"k":[1.50]}'],
    ["missing ones in the middle as empty, so that the default is taken", '{"c":"z"}', "<3><><><z>", '"none"'],
    ["null like a missing one", '{"a":"x","b":null}', "<1><x>", '"none"'],
    ["nothing at all", "{}", "<0>", '"none"'],
  ])("passes %s", async (_, args, stderr, resultJson) => {
    expect(await run(show, args)).toMatchObject({ exit: { reason: "succeeded" }, stderr, resultJson });
  });

  it.each([
    ["{", "InvalidArgument"],
    ["[]", "InvalidArgument"],
    ['{"d":1}', "UnknownArgument"],
    ['{"a":"\\u0000"}', "InvalidArgument"],
  ])("refuses the arguments %s", async (args, name) => {
    const outcome = await run(show, args);
    expect([outcome.exit.reason, JSON.parse(outcome.resultJson).error.name, outcome.startedAtUs]).toEqual(["exit_code", name, 0]);
  });

  it.each([
    ["echo 1\necho\n", "1"],
    ["echo '[1, 2]'", "[1, 2]"],
    ["echo one two", '"one two"'],
    ["printf 'no line end'", '"no line end"'],
    ["printf 'a\\r\\n'", '"a"'],
    [":", "null"],
    ["echo 1.0e5", "1.0e5"],
    ["echo 01", '"01"'],
    ["echo NaN", '"NaN"'],
    ["printf '\\xff\\n'", '"\ufffd"'],
    ["shopt -s extglob\ncase ab in !(x)) echo yes;; esac", '"yes"'],
    ["#!/bin/bash\r\nfor i in 1 2; do\r\n  echo $i\r\ndone\r\n", "2"],
    ['cat <<END\n"here"\nEND', '"here"'],
    ["f() { return 0; }; f; echo $(f; echo 3)", "3"],
    ["trap 'echo 7' EXIT", "7"],
    ["echo 1 | grep -c 1", "1"],
    ['echo "$0 $BASH_SOURCE" | sed s,/.*/,,', '"main.sh main.sh"'],
  ])("takes the last line of %j as the result", async (code, resultJson) => {
    expect(await run(code)).toMatchObject({ exit: { reason: "succeeded" }, resultJson });
  });

  it.each([
    ["false\necho never", 1],
    ["false | true\necho never", 1],
    ["exit 300", 44],
    ["set +e\nfalse\nexit 5", 5],
  ])("fails on %j", async (code, exitCode) => {
    const outcome = await run(code);
    expect([outcome.exit.reason, outcome.exit.code, outcome.stdout]).toEqual(["exit_code", exitCode, ""]);
  });

  it.each([
    ["fi", 1],
    ["echo one\nif true; then\necho two\n", 4],
    ["echo 'open", 1],
    ["echo a\necho b)\n", 2],
    ["#!/bin/bash\nfor\n", 2],
  ])("finds the syntax error in %j before anything runs", async (code, line) => {
    const outcome = await run(code);
    expect(outcome.exit.reason).toBe("syntax_error");
    expect([outcome.stdout, JSON.parse(outcome.resultJson).error.line]).toEqual(["", line]);
  });
});
