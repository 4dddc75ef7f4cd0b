import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";

const opened = await openTestExecution({ languages: ["python3"] });
afterAll(() => opened.dispose());
const missing = opened.execution.runtimes.find("python3") === undefined;

describe.skipIf(missing)("Python", () => {
  const run = (code: string, args = "{}") => runScript(opened.execution, "python3", code, { args });

  it.each([
    ["def main(a, /, b, *, c=3, **more):\n    return [a, b, c, more]", '{"a":1,"b":2,"x":9}', '[1,2,3,{"x":9}]'],
    ["def main(a, b=2, *rest):\n    return [a, b, rest]", '{"a":1}', "[1,2,[]]"],
    [
      "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def inner(*args, **kwargs):\n        return f(*args, **kwargs) * 2\n    return inner\n@twice\ndef main(a):\n    return a",
      '{"a":2}',
      "4",
    ],
    ["class Main:\n    def __call__(self, a):\n        return a\nmain = Main()", '{"a":2}', "2"],
    ["async def main(a):\n    import asyncio\n    await asyncio.sleep(0)\n    return a", '{"a":2}', "2"],
    [
      "import datetime, uuid\ndef main():\n    return [datetime.date(2026, 1, 2), uuid.UUID(int=1), (1, None, True)]",
      "{}",
      '["2026-01-02","00000000-0000-0000-0000-000000000001",[1,null,true]]',
    ],
    ["def main():\n    return '\\ud800\\x00'", "{}", '"\\ud800\\u0000"'],
    ["def main():\n    return 2**70 + 0.0, 2**70", "{}", "[1.1805916207174113e+21,1180591620717411303424]"],
    ["import dataclasses\n@dataclasses.dataclass\nclass A:\n    b: int\ndef main():\n    return A(1).b", "{}", "1"],
    ["def main():\n    pass", "{}", "null"],
    ["import os\ndef main():\n    if os.fork() == 0:\n        return 'child'\n    os.wait()\n    return 'parent'", "{}", '"parent"'],
    ["import atexit\ndef main():\n    atexit.register(lambda: print('late'))\n    return 1", "{}", "1"],
  ])("runs %s", async (code, args, resultJson) => {
    expect(await run(code, args)).toMatchObject({ exit: { reason: "succeeded" }, resultJson });
  });

  it.each([
    ["def main(a):\n    return a", "{}", "MissingArgument", "`a`"],
    ["def main(*, a):\n    return a", "{}", "MissingArgument", "`a`"],
    ["def main(a, b=1):\n    return a", '{"a":1,"c":2}', "UnknownArgument", "`c`; it takes: a, b"],
    ["x = 1", "{}", "NoMain", "main"],
    ["def main():\n    raise KeyError('k')", "{}", "KeyError", "'k'"],
    ["def main():\n    return eval('1 +')", "{}", "SyntaxError", "invalid syntax"],
    ["raise RuntimeError('at import')\ndef main(): pass", "{}", "RuntimeError", "at import"],
    ["import json.no_such_module\ndef main(): pass", "{}", "ModuleNotFoundError", "no_such_module"],
    ["class Odd(Exception):\n    def __str__(self):\n        raise ValueError\ndef main():\n    raise Odd()", "{}", "Odd", ""],
  ])("explains %s", async (code, args, name, message) => {
    const outcome = await run(code, args);
    expect(outcome.exit).toMatchObject({ reason: "exit_code", code: 1 });
    expect(JSON.parse(outcome.resultJson).error).toMatchObject({ name, message: expect.stringContaining(message) });
  });

  it.each([
    ["a set", "def main():\n    return {'a': {1}}", "at $.a: a value of type set"],
    ["an infinity", "def main():\n    return [1, float('inf')]", "at $[1]: inf"],
    ["a cycle", "def main():\n    a = []\n    a.append(a)\n    return a", "at $[0]: the value contains itself"],
    ["bytes", "def main():\n    return b'x'", "at $: a value of type bytes"],
    ["a key that is no text", "def main():\n    return {(1, 2): 3}", "a key of type tuple"],
    ["a value nested too deep", "def main():\n    a = 1\n    for _ in range(200):\n        a = [a]\n    return a", "128 levels"],
    ["a value nested far too deep", "def main():\n    a = 1\n    for _ in range(100000):\n        a = [a]\n    return a", "128 levels"],
  ])("refuses %s as a result", async (_, code, message) => {
    const outcome = await run(code);
    expect(outcome.exit).toMatchObject({ reason: "result_invalid", message: expect.stringContaining(message) });
  });

  it.each([
    ["sys.exit()", { reason: "succeeded", code: 0 }],
    ["sys.exit(256 + 7)", { reason: "exit_code", code: 7 }],
    ["sys.exit(137)", { reason: "exit_code", code: 137 }],
    ["sys.exit('sorry')", { reason: "exit_code", code: 1 }],
    ["os._exit(5)", { reason: "exit_code", code: 5 }],
    ["os.kill(os.getpid(), 9)", { reason: "signal", signal: "SIGKILL" }],
    ["os.abort()", { reason: "signal", signal: "SIGABRT" }],
    ["raise MemoryError()", { reason: "out_of_memory" }],
    ["open('/tmp/x', 'wb').write(bytes(300 * 1024 * 1024))", { reason: "disk_full" }],
  ])("ends rightly on %s", async (line, exit) => {
    expect((await run(`import os, sys\ndef main():\n    ${line}`)).exit).toMatchObject(exit);
  });

  it("shows where in the script an error came from, with its lines and its cause", async () => {
    const code =
      "def inner():\n    return {}['k']\n\ndef main():\n    try:\n        inner()\n    except KeyError as error:\n        raise ValueError('outer') from error\n";
    const { stack } = JSON.parse((await run(code)).resultJson).error;
    expect(stack).toContain("File \"main.py\", line 2, in inner\n    return {}['k']");
    expect(stack).toContain('File "main.py", line 8, in main');
    expect(stack).toContain("The above exception was the direct cause");
    expect(stack).not.toContain("wrapper");
  });
});
