/** What holds for interpreters that wait for their script, besides all that holds for every runtime (`contract.test.ts`). */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { filesOfJobs, openTestExecution, runScript, type ScriptOptions, startScript, untilWarm } from "../../runner/attempt-harness.ts";
import { DEFAULT_LIMITS } from "../../runner/execution.ts";
import { ownBytesBelow } from "./memory.ts";

const READY = 2;
const languages = ["python3", "typescript", "javascript"];
const opened = await openTestExecution({ prepared: 0, warmMb: 1_024, warmLeast: READY, languages });
const { execution } = opened;
const cold = await openTestExecution({ prepared: 0, languages });
afterAll(() => {
  opened.dispose();
  cold.dispose();
});
beforeEach(() => untilWarm(execution, READY));

const stats = (): { warm: number; cold: number } => {
  const { warm, cold: slow } = execution.sandbox.stats();
  return { warm, cold: slow };
};

interface Found {
  readonly pid: number;
  readonly parent: number;
  readonly args: string;
}

/** Processes of the whole machine. */
function processes(): Found[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^[0-9]+$/.test(name)) return [];
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]);
      return [{ pid: Number(name), parent, args: readFileSync(`/proc/${name}/cmdline`, "utf8") }];
    } catch {
      return [];
    }
  });
}

/** The Nodes of this test that wait. */
function waitingNodes(): Found[] {
  const all = processes();
  const own = [process.pid];
  for (const pid of own) own.push(...all.filter(({ parent }) => parent === pid).map((child) => child.pid));
  return all.filter(({ pid, args }) => own.includes(pid) && /^[^\0]*\/node\0.*\/warm\.cjs\0/s.test(args));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const available = (language: string): boolean => execution.runtimes.find(language) !== undefined;

/** What a script can see of the process it is in. */
const LOOK: Readonly<Record<string, string>> = {
  python3: [
    "import os, signal, sys",
    "def main():",
    "    import resource, threading",
    "    fds = sorted(name for name in os.listdir('/proc/self/fd'))",
    "    status = [line for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNew', 'Seccomp', 'Uid', 'Gid', 'Groups', 'Sig', 'Threads'))]",
    "    limits = [resource.getrlimit(number) for number in range(16)]",
    "    handlers = [str(signal.getsignal(number)) for number in (1, 2, 13, 15, 17)]",
    "    return [dict(os.environ), fds, status, limits, handlers, os.getcwd(), sys.argv, sys.path, sys.flags.isolated, sys.dont_write_bytecode,",
    "            sys.flags.utf8_mode, sys.stdin.read(), os.umask(0o22), os.listdir('/tmp'), sys.modules['main'].__file__, __name__, threading.active_count()]",
  ].join("\n"),
  typescript: [
    "import { execFileSync } from 'node:child_process';",
    "import { readdirSync, readFileSync } from 'node:fs';",
    "export async function main() {",
    "  const status = readFileSync('/proc/self/status', 'utf8').split('\\n').filter((line) => /^(Cap|NoNew|Seccomp|Uid|Gid|Groups|SigBlk|SigIgn|ShdPnd)/.test(line));",
    "  const events = process.eventNames().map(String).sort();",
    "  const ofChild = execFileSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });",
    "  return [{ ...process.env }, ofChild, status, process.argv, process.execArgv, process.cwd(), process.umask(), readdirSync('/tmp'), readdirSync('/job').sort(),",
    "    readFileSync('/proc/self/limits', 'utf8'), events, import.meta.url, import.meta.filename, Object.keys(globalThis), process.exitCode ?? null, new Date(0).toString()];",
    "}",
  ].join("\n"),
};

describe("an interpreter that waits", () => {
  it.each(Object.keys(LOOK).filter(available))("looks to a %s script like one that was started for it", async (language) => {
    const options: ScriptOptions = { env: [{ name: "MINE", value: "it's \\ $(id)\n\u0081€" }], args: "{}" };
    const before = stats();
    const [made, waited] = [
      await runScript(cold.execution, language, LOOK[language] ?? "", options),
      await runScript(execution, language, LOOK[language] ?? "", options),
    ];
    expect([made.exit, waited.exit].map(({ reason, message }) => reason + message)).toEqual(["succeeded", "succeeded"]);
    // Which of its own programs began, and the file with the arguments, which one that waits is told.
    const comparable = (text: string): string =>
      text
        .replaceAll("/warm.", "/wrapper.")
        .replaceAll('"args.json",', "")
        .replace(/"\.blank-\d",?/g, "");
    const [[madeEnv, ...madeRest], [waitedEnv, ...waitedRest]] = [JSON.parse(comparable(made.resultJson)), JSON.parse(comparable(waited.resultJson))];
    expect(waitedEnv).toEqual(madeEnv);
    expect(waitedRest).toEqual(madeRest);
    expect(stats().warm).toBe(before.warm + 1);
  });

  it.skipIf(!available("python3"))("is used for one script only, and no two have the same secrets of chance", async () => {
    const code = [
      "import os, random",
      "def main():",
      "    old = os.path.exists('/tmp/mark') or os.path.exists('/dev/shm/mark')",
      "    for folder in ('/tmp', '/dev/shm'): open(folder + '/mark', 'w').close()",
      "    return [old, hash('text'), random.random()]",
    ].join("\n");
    const found: (readonly unknown[])[] = [];
    for (let turn = 0; turn < 3; turn++) {
      await untilWarm(execution, 1);
      found.push(JSON.parse((await runScript(execution, "python3", code)).resultJson));
    }
    expect(found.map(([old]) => old)).toEqual([false, false, false]);
    for (const at of [1, 2]) expect(new Set(found.map((one) => one[at])).size).toBe(3);
  });

  it.skipIf(!available("python3"))("ends like any program, although it is not taken apart", async () => {
    const code = [
      "import atexit, os, sys, threading, time",
      "class Last:",
      "    def __del__(self): print('deleted', name)",
      "name = 'by its module'",
      "last = Last()",
      "loop = [last]",
      "loop.append(loop)",
      "still_open = [{'file': os.fdopen(os.dup(1), 'w')}]",
      "said = threading.Event()",
      "def late():",
      "    said.wait()",
      "    time.sleep(0.05)",
      "    print('thread')",
      "def main(compiled):",
      "    atexit.register(lambda: print('atexit'))",
      "    atexit.register(lambda: 1 / 0)",
      "    threading.Thread(target=late).start()",
      "    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()",
      "    still_open[0]['file'].write('open\\n')",
      "    sys.stdout = open('/tmp/other', 'w')",
      "    sys.stdout = sys.__stdout__",
      "    if compiled:",
      "        import ctypes",
      "        ctypes.CDLL(None).printf(b'of C\\n')",
      "    print('main')",
      "    said.set()",
      "    sys.exit(7)",
    ].join("\n");
    for (const one of [cold.execution, execution]) {
      for (const compiled of [false, true]) {
        const { exit, stdout, stderr } = await runScript(one, "python3", code, { args: JSON.stringify({ compiled }) });
        expect(exit).toMatchObject({ reason: "exit_code", code: 7 });
        expect(stderr).toContain("ZeroDivisionError");
        const lines = stdout.split("\n").filter((line) => line !== "of C");
        expect([lines[0], lines[1], lines[2]]).toEqual(["main", "thread", "atexit"]);
        expect(lines.slice(3).sort()).toEqual(["", "deleted by its module", "open"]);
        expect(stdout.includes("of C\n")).toBe(compiled);
        await untilWarm(execution, 1);
      }
    }
  });

  it.each<[string, ScriptOptions["env"]]>([
    ["the language", [{ name: "LC_ALL", value: "C" }]],
    ["the time zone", [{ name: "TZ", value: "Asia/Tokyo" }]],
    ["what is read once", [{ name: "NODE_EXTRA_CA_CERTS", value: "/tmp/ca" }]],
  ])("is not used for a variable that sets %s", async (_, env) => {
    const before = stats();
    const outcome = await runScript(execution, "javascript", "export function main() { return process.env }", { env: env ?? [] });
    expect(JSON.parse(outcome.resultJson)).toMatchObject(Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])));
    expect(stats()).toEqual({ warm: before.warm, cold: before.cold + 1 });
  });

  it("is not used for other limits, nor for code that must be transformed", async () => {
    const before = stats();
    const small = { ...execution, limits: { ...DEFAULT_LIMITS, tmpBytes: 1024 * 1024 } };
    const code = "enum Colour { Red = 'red' }\nexport function main() {\n  return Colour.Red;\n}\n";
    expect((await runScript(small, "javascript", "export function main() { return 1 }")).resultJson).toBe("1");
    expect((await runScript(execution, "typescript", code)).resultJson).toBe('"red"');
    expect(stats()).toEqual({ warm: before.warm, cold: before.cold + 2 });
  });

  it("shows nobody on the host, and no disk, what a job's variables and arguments are", async () => {
    const canary = ["canary", "warm", process.pid].join("-");
    const before = stats();
    const job = startScript(
      execution,
      "javascript",
      "export async function main(secret) {\n  console.log('ready');\n  await new Promise((done) => setTimeout(done, 300000));\n}\n",
      { args: JSON.stringify({ secret: canary }), env: [{ name: "TOKEN", value: canary }] },
    );
    await job.saw("ready");
    expect(stats().warm).toBe(before.warm + 1);
    expect(processes().filter(({ args }) => args.includes(canary))).toEqual([]);
    const files = await filesOfJobs(execution);
    expect(files.map((file) => file.split("/")[1]).sort()).toEqual(["main.mjs", "package.json"]);
    for (const file of files) expect(readFileSync(`${execution.jobsDir}/${file}`, "utf8")).not.toContain(canary);
    job.fence("over");
    await job.done;
  });

  it("takes arguments that are larger than any pipe", async () => {
    const before = stats();
    const text = "ü".repeat(700_000);
    for (const [language, code] of [
      ["javascript", "export function main(text) { return text.length }"],
      ["python3", "def main(text):\n    return len(text)\n"],
    ] as const) {
      if (!available(language)) continue;
      expect((await runScript(execution, language, code, { args: JSON.stringify({ text }) })).resultJson).toBe("700000");
    }
    expect(stats().cold).toBe(before.cold);
  });

  it("is replaced when it dies, and scripts go on", async () => {
    const waiting = waitingNodes();
    expect(waiting.length).toBeGreaterThanOrEqual(READY);
    const before = stats();
    for (const { pid } of waiting) process.kill(pid, "SIGKILL");
    await until(() => execution.sandbox.stats().warmReady.get("node") === 0);
    expect((await runScript(execution, "javascript", "export function main() { return 1 }")).resultJson).toBe("1");
    await untilWarm(execution, READY);
    expect((await runScript(execution, "javascript", "export function main() { return 2 }")).resultJson).toBe("2");
    expect(stats()).toEqual({ warm: before.warm + 1, cold: before.cold + 1 });
  });

  it("is started in greater number when more scripts come at once", async () => {
    const own = await openTestExecution({ prepared: 0, warmMb: 1_024, languages: ["javascript"] });
    await untilWarm(own.execution, 1);
    const ready = (): number => own.execution.sandbox.stats().warmReady.get("node") ?? 0;
    expect(ready()).toBe(1);
    const outcomes = await Promise.all(Array.from({ length: 3 }, () => runScript(own.execution, "javascript", "export function main() { return 1 }")));
    expect(outcomes.map(({ resultJson }) => resultJson)).toEqual(["1", "1", "1"]);
    await until(() => ready() === 3);
    own.dispose();
  });

  it("stays within the memory that it may take, and ends with its execution", async () => {
    const none = await openTestExecution({ prepared: 0, warmMb: 1, warmLeast: 5, languages });
    const own = await openTestExecution({ prepared: 0, warmMb: 1_024, warmLeast: 1, languages });
    await untilWarm(own.execution, 1);
    // By now the other one has had time, too; nothing fits into a megabyte.
    expect([...none.execution.sandbox.stats().warmReady.values()].every((count) => count === 0)).toBe(true);
    expect([none, own].map(({ execution: { sandbox } }) => sandbox.stats().warmBytes > 0)).toEqual([false, true]);
    own.close();
    expect(own.execution.sandbox.stats().warmBytes).toBe(0);
    expect([[...own.execution.sandbox.stats().warmReady.values()].join(), readdirSync(own.execution.jobsDir)]).toEqual([
      [...own.execution.sandbox.stats().warmReady].map(() => "0").join(),
      [],
    ]);
    expect((await runScript(own.execution, "javascript", "export function main() { return 1 }")).resultJson).toBe("1");
    own.dispose();
    none.dispose();
  });

  it("is measured by the memory that it has for itself", () => {
    const sizes = waitingNodes().map(({ parent }) => ownBytesBelow(parent) / 2 ** 20);
    expect(sizes.length).toBeGreaterThanOrEqual(READY);
    for (const mb of sizes) {
      expect(mb).toBeGreaterThan(1);
      expect(mb).toBeLessThan(150);
    }
    expect(ownBytesBelow(2 ** 30)).toBe(0);
  });
});
