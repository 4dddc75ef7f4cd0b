/** What holds for processes that stay for one script, besides all that holds for every runtime (`contract.test.ts`). */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ScriptOptions, startScript } from "../runner/attempt-harness.ts";
import type { Place, Sandbox } from "../sandbox/sandbox.ts";
import { openTestPools, runDedicated as run, until } from "./dedicated-harness.ts";

const pools = await openTestPools({
  languages: ["bash", "python3", "typescript", "javascript"],
  limits: { timeoutGraceMs: 300 },
});
const { hasPython, withPool } = pools;
const python = (...lines: string[]): string => `${lines.join("\n")}\n`;

/** Host numbers of the Python processes in a process namespace; the one that was there first comes first. */
function pythonsIn(namespace: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((name) => {
      try {
        return readlinkSync(`/proc/${name}/ns/pid`) === namespace && (readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0")[0] ?? "").includes("python");
      } catch {
        return false;
      }
    })
    .map(Number)
    .sort((a, b) => a - b);
}

describe.skipIf(!hasPython)("a Python process that stays", () => {
  const COUNTING = python(
    "import os, random, sys, tempfile",
    "print('loading')",
    "loaded_env = sorted(name for name in os.environ if name.startswith(('MILLRACE', 'WM', 'MINE')))",
    "state = {'jobs': 0}",
    "open('/tmp/kept', 'w').close()",
    "loaded_pid = os.getpid()",
    "def main(n):",
    "    state['jobs'] += 1",
    "    print('job', n)",
    "    found = sorted(os.listdir('/tmp')) + os.listdir('/dev/shm')",
    "    for path in ('/tmp/mark', '/dev/shm/mark', '/tmp/folder'): os.mkdir(path)",
    "    open('/tmp/folder/file', 'w').close()",
    "    os.chdir('/')",
    "    os.environ['LEFT'] = 'x'",
    "    left = 'LEFT' in os.environ and state['jobs']",
    "    return {'jobs': state['jobs'], 'found': found, 'random': random.random(), 'fds': len(os.listdir('/proc/self/fd')), 'loaded': loaded_pid,",
    "            'env': loaded_env, 'job': os.environ['MILLRACE_JOB_ID'], 'attempt': os.environ['MILLRACE_ATTEMPT'], 'pid': os.getpid(), 'ns': os.readlink('/proc/self/ns/pid')}",
  );

  it("loads the script once, and every job finds what loading left, whatever others did", async () => {
    const execution = withPool();
    const outcomes = [];
    for (const n of [1, 2, 3]) outcomes.push(await run(execution, "python3", COUNTING, { args: `{"n":${n}}`, env: [{ name: "MINE", value: "1" }] }));
    expect(outcomes.map(({ exit }) => exit.message + exit.reason)).toEqual(["succeeded", "succeeded", "succeeded"]);
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(["loading\njob 1\n", "job 2\n", "job 3\n"]);
    const results = outcomes.map(({ resultJson }) => JSON.parse(resultJson));
    for (const result of results) {
      expect(result).toMatchObject({ jobs: 1, found: ["kept"], attempt: "1", job: "01890000-0000-7000-8000-000000000001", fds: results[0].fds });
      expect(result.env).toEqual(["MILLRACE_JOB_PATH", "MILLRACE_WORKSPACE", "MINE", "WM_JOB_PATH", "WM_WORKSPACE"]);
    }
    expect(new Set(results.map(({ random }) => random)).size).toBe(3);
    expect(new Set(results.map(({ pid }) => pid)).size).toBe(3);
    expect(new Set(results.map(({ loaded, ns }) => `${loaded} ${ns}`)).size).toBe(1);
    expect(pools.pool?.stats()).toEqual({ processes: 1, busy: 0, jobs: 3, started: 1 });
  });

  it("ends what a job leaves behind, so that it cannot print into the next one's log", async () => {
    const code = python(
      "import os, subprocess, time",
      "def main(n):",
      "    if n == 1:",
      "        subprocess.Popen(['/bin/sh', '-c', 'while :; do echo stray; done'], start_new_session=True)",
      "        if os.fork() == 0:",
      "            while True: os.write(1, b'stray\\n')",
      "    else:",
      "        time.sleep(0.1)",
      "        print('clean')",
    );
    const execution = withPool();
    expect((await run(execution, "python3", code, { args: '{"n":1}' })).exit.reason).toBe("succeeded");
    expect(await run(execution, "python3", code, { args: '{"n":2}' })).toMatchObject({ stdout: "clean\n", stderr: "", agentText: "" });
    expect(pools.pool?.stats().started).toBe(1);
  });

  it.skipIf(!pools.execution.enclosure.cgroups.controls.has("memory"))(
    "says that its job has run out of memory, and does not take the next one along",
    async () => {
      const code = python("def main(n):", "    data = b'x' * (n * 1024 * 1024)", "    return len(data)");
      const execution = withPool();
      const turn = (n: number) => run(execution, "python3", code, { args: `{"n":${n}}`, requirements: { memoryBytes: 96 * 1024 * 1024 } });
      expect(await turn(1)).toMatchObject({ exit: { reason: "succeeded" }, cpuMs: expect.any(Number) });
      for (const _ of [1, 2]) {
        expect((await turn(400)).exit).toMatchObject({ reason: "out_of_memory", message: "the job needed more memory than its limit of 96 MB" });
        expect(await turn(1)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "1048576" });
      }
      expect(pools.pool?.stats()).toMatchObject({ jobs: 5, started: 3 });
    },
  );

  it("is not touched by a cancel of its job", async () => {
    const code = python(
      "import os, signal, sys, time",
      "def main(n):",
      "    if n > 1: return n",
      // Not print: the signal may come in the middle of one.
      "    signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'bye\\n'), sys.exit(0)))",
      "    print('ready')",
      // Not one sleep: a signal just before it begins would be handled after it.
      "    while True: time.sleep(0.05)",
    );
    const execution = withPool();
    const job = startScript(execution, "python3", code, { args: '{"n":1}', dedicated: true });
    await job.saw("ready\n");
    job.cancel("stop");
    expect((await job.done).exit.reason).toBe("cancelled");
    expect(job.printed(0).toString()).toBe("ready\nbye\n");
    expect((await run(execution, "python3", code, { args: '{"n":2}' })).resultJson).toBe("2");
    expect(pools.pool?.stats()).toMatchObject({ jobs: 2, started: 1 });
  });

  it("is ended by a cancel while it loads the script: no job is a fork yet", async () => {
    const job = startScript(withPool(), "python3", python("import time", "print('ready')", "time.sleep(300)", "def main(): pass"), { dedicated: true });
    await job.saw("ready\n");
    job.cancel("stop");
    const outcome = await job.done;
    expect(outcome.exit.reason).toBe("cancelled");
    // Not by the KILL that comes after ten seconds.
    expect(outcome.finishedAtUs - outcome.startedAtUs).toBeLessThan(5_000_000);
  });

  it("stays when the fork that waits for the next job dies: that job starts like any other", async () => {
    const code = python("import os", "def main(): return [os.readlink('/proc/self/ns/pid'), os.getpid()]");
    const execution = withPool();
    const [namespace] = JSON.parse((await run(execution, "python3", code)).resultJson);
    await until(() => pythonsIn(namespace).length === 2);
    const [parent, waiting] = pythonsIn(namespace);
    if (waiting === undefined) throw new Error("no fork waits");
    process.kill(waiting, "SIGKILL");
    const [elsewhere] = JSON.parse((await run(execution, "python3", code)).resultJson);
    expect(elsewhere).not.toBe(namespace);
    await until(() => pythonsIn(namespace).length === 2);
    expect(pythonsIn(namespace)[0]).toBe(parent);
    const pids = [];
    for (const _ of [1, 2]) {
      const [here, pid] = JSON.parse((await run(execution, "python3", code)).resultJson);
      expect(here).toBe(namespace);
      pids.push(pid);
    }
    expect(new Set(pids).size).toBe(2);
    expect(pools.pool?.stats().started).toBe(1);
  });

  it("writes what a job has left open, and leaves alone what loading has opened", async () => {
    const code = python(
      "import os",
      "class Shared:",
      "    def __del__(self): os.write(1, b'ended\\n')",
      "shared, state, mine = Shared(), {}, None",
      "def main():",
      "    global mine, fresh",
      "    mine, fresh = (os.fdopen(os.dup(1), 'w') for _ in range(2))",
      "    again = shared",
      "    mine.write('mine\\n')",
      "    fresh.write('fresh\\n')",
    );
    const execution = withPool();
    for (const _ of [1, 2]) expect(await run(execution, "python3", code)).toMatchObject({ exit: { reason: "succeeded" }, stdout: "mine\nfresh\n" });
    expect(pools.pool?.stats()).toMatchObject({ jobs: 2, started: 1 });
  });

  it("takes a job that is larger than a pipe", async () => {
    const code = python("def main(text): return len(text)");
    const execution = withPool();
    const args = JSON.stringify({ text: "x".repeat(700_000) });
    for (const _ of [1, 2]) expect((await run(execution, "python3", code, { args })).resultJson).toBe("700000");
    expect(pools.pool?.stats()).toMatchObject({ jobs: 2, started: 1 });
  });

  it("goes with a job that must be killed, and the next job gets another", async () => {
    const code = python(
      "import signal, time",
      "def main(n):",
      "    if n > 1: return n",
      "    signal.signal(signal.SIGTERM, signal.SIG_IGN)",
      "    print('ready')",
      "    time.sleep(300)",
    );
    const execution = withPool();
    const first = await run(execution, "python3", code, { args: '{"n":1}', limits: { timeoutMs: 700 } });
    expect(first.exit).toMatchObject({ reason: "timeout" });
    expect((await run(execution, "python3", code, { args: '{"n":2}' })).resultJson).toBe("2");
    expect(pools.pool?.stats()).toMatchObject({ jobs: 2, started: 2 });
  });

  it("says of every job why the script cannot be loaded", async () => {
    const execution = withPool();
    for (const turn of [1, 2]) {
      const outcome = await run(execution, "python3", python("print('loading')", "x = 1", "raise ValueError('no')", "def main(): pass"));
      expect(outcome.exit, String(turn)).toMatchObject({ reason: "exit_code", code: 1, message: "ValueError: no" });
      expect(outcome.stdout).toBe("loading\n");
    }
    expect((await run(execution, "python3", "import sys\nsys.exit(7)\n")).exit).toMatchObject({ reason: "exit_code", code: 7 });
  });

  it("starts a job anew when it dies before the job has begun, and ends with it otherwise", async () => {
    const code = python(
      "import os, time",
      "def main(n):",
      "    print(os.readlink('/proc/self/ns/pid'))",
      "    if n == 2: time.sleep(300)",
      "    return os.readlink('/proc/self/ns/pid')",
    );
    const execution = withPool();
    const namespace = JSON.parse((await run(execution, "python3", code, { args: '{"n":1}' })).resultJson);
    const [pid] = pythonsIn(namespace);
    if (pid === undefined) throw new Error("the process was not found");
    // It cannot begin any more.
    process.kill(pid, "SIGSTOP");
    const job = startScript(execution, "python3", code, { args: '{"n":3}', dedicated: true });
    await until(() => pools.pool?.stats().busy === 1);
    process.kill(pid, "SIGKILL");
    const outcome = await job.done;
    expect(outcome.exit.reason).toBe("succeeded");
    // Not in the one that died: the kernel may give the number of its namespace to the next.
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect([job.starts(), job.printed(0).toString()]).toEqual([1, `${JSON.parse(outcome.resultJson)}\n`]);
    // Now one that has begun.
    const begun = startScript(execution, "python3", code, { args: '{"n":2}', dedicated: true });
    await begun.saw("]\n");
    const [parent] = pythonsIn(begun.printed(0).toString().trim());
    if (parent === undefined) throw new Error("the process was not found");
    process.kill(parent, "SIGKILL");
    expect((await begun.done).exit).toMatchObject({ reason: "signal", signal: "SIGKILL" });
    expect(begun.starts()).toBe(1);
  });

  it("leaves no time in which a cancel is lost when it dies and its job starts anew", async () => {
    const { sandbox } = pools.execution;
    const execution = withPool();
    const code = python("import os, time", "def main(s):", "    time.sleep(s)", "    return os.readlink('/proc/self/ns/pid')");
    const namespace = JSON.parse((await run(execution, "python3", code, { args: '{"s":0}' })).resultJson);
    const [pid] = pythonsIn(namespace);
    if (pid === undefined) throw new Error("the process was not found");
    process.kill(pid, "SIGSTOP");
    const place = (): Place => {
      const real = sandbox.place();
      const start: Place["start"] = (spec, io) => {
        job.cancel("stop");
        return real.start(spec, io);
      };
      return { paths: real.paths, start, discard: () => real.discard() };
    };
    const [mountPath, stats] = [sandbox.mountPath.bind(sandbox), sandbox.stats.bind(sandbox)];
    const beside: Sandbox = { kind: sandbox.kind, mountPath, stats, place, prepare: () => undefined, close: () => undefined };
    const job = startScript({ ...execution, sandbox: beside }, "python3", code, { dedicated: true, args: '{"s":3}' });
    await until(() => pools.pool?.stats().busy === 1);
    process.kill(pid, "SIGKILL");
    expect((await job.done).exit).toMatchObject({ reason: "cancelled", message: "stop" });
  });
});

describe("a Node process that stays", () => {
  const COUNTING = [
    "let jobs = 0;",
    "export async function main(n: number) {",
    "  jobs += 1;",
    "  console.log('job', n);",
    "  process.exitCode = undefined;",
    "  return { jobs, n, pid: process.pid, id: process.env.MILLRACE_JOB_ID };",
    "}",
  ].join("\n");

  it("keeps the state of the module from job to job", async () => {
    const execution = withPool();
    const outcomes = [];
    for (const n of [1, 2, 3]) outcomes.push(await run(execution, "typescript", COUNTING, { args: `{"n":${n}}` }));
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(["job 1\n", "job 2\n", "job 3\n"]);
    expect(outcomes.map(({ resultJson }) => JSON.parse(resultJson))).toMatchObject([1, 2, 3].map((n) => ({ jobs: n, n })));
    expect(pools.pool?.stats()).toEqual({ processes: 1, busy: 0, jobs: 3, started: 1 });
  });

  it("keeps what a job left behind out of the next one's log", async () => {
    const code = [
      "import { spawn } from 'node:child_process';",
      "export async function main(n: number) {",
      "  if (n === 1) {",
      "    setInterval(() => console.log('stray'), 1);",
      "    const child = spawn('/bin/sh', ['-c', 'while :; do echo stray; done'], { detached: true, stdio: 'inherit' });",
      "    await new Promise((done) => child.once('spawn', done));",
      "    return 1;",
      "  }",
      "  await new Promise((done) => setTimeout(done, 100));",
      "  console.log('clean');",
      "  console.error('clean');",
      "  return n;",
      "}",
    ].join("\n");
    const execution = withPool();
    expect((await run(execution, "typescript", code, { args: '{"n":1}' })).exit.reason).toBe("succeeded");
    expect(await run(execution, "typescript", code, { args: '{"n":2}' })).toMatchObject({
      stdout: "clean\n",
      stderr: "clean\n",
      agentText: "",
      resultJson: "2",
    });
    expect(pools.pool?.stats().started).toBe(1);
  });

  it("stays when main throws, and goes when the script ends the process", async () => {
    const code =
      "export function main(how: string) {\n  if (how === 'throw') throw new TypeError('no');\n  if (how === 'exit') process.exit(4);\n  return how;\n}\n";
    const execution = withPool();
    const ended = async (how: string) => (await run(execution, "typescript", code, { args: JSON.stringify({ how }) })).exit;
    expect(await ended("throw")).toMatchObject({ reason: "exit_code", code: 1, message: "TypeError: no" });
    expect(await ended("well")).toMatchObject({ reason: "succeeded" });
    expect(pools.pool?.stats().started).toBe(1);
    expect(await ended("exit")).toMatchObject({ reason: "exit_code", code: 4 });
    expect(await ended("well")).toMatchObject({ reason: "succeeded" });
    expect(pools.pool?.stats().started).toBe(2);
  });
});

describe("the pool of processes that stay", () => {
  const CODE = "export function main() { return process.pid + ' ' + (globalThis.jobs = (globalThis.jobs ?? 0) + 1) }";

  it("gives a process to one workspace, one script and one set of variables only", async () => {
    const execution = withPool({ max: 10 });
    const asked: ScriptOptions[] = [{}, { workspace: "other" }, { env: [{ name: "A", value: "1" }] }, { env: [{ name: "A", value: "2" }] }];
    for (const options of asked) expect((await run(execution, "javascript", CODE, options)).resultJson).toMatch(/ 1"$/);
    expect((await run(execution, "javascript", `${CODE}\n`)).resultJson).toMatch(/ 1"$/);
    expect(pools.pool?.stats()).toMatchObject({ started: 5 });
    for (const options of asked) expect((await run(execution, "javascript", CODE, options)).resultJson).toMatch(/ 2"$/);
    expect(pools.pool?.stats()).toMatchObject({ started: 5, jobs: 9 });
  });

  it("has no more than it may; jobs beyond start like others", async () => {
    const code =
      "export async function main() {\n  console.log('ready');\n  await new Promise((done) => {\n    setInterval(() => {}, 1000);\n    process.once('SIGTERM', done);\n  });\n}\n";
    const execution = withPool({ max: 2 });
    const jobs = [1, 2, 3].map(() => startScript(execution, "javascript", code, { dedicated: true }));
    await Promise.all(jobs.map((job) => job.saw("ready\n")));
    expect(pools.pool?.stats()).toMatchObject({ processes: 2, busy: 2, jobs: 2 });
    for (const job of jobs) job.cancel("stop");
    for (const job of jobs) expect((await job.done).exit.reason).toBe("cancelled");
  });

  it("ends the one that has been idle the longest when another script needs the room", async () => {
    const execution = withPool({ max: 2 });
    for (const n of [1, 2, 3]) expect((await run(execution, "javascript", `${CODE} // ${n}`)).resultJson).toMatch(/ 1"$/);
    await until(() => pools.pool?.stats().processes === 2);
    expect((await run(execution, "javascript", `${CODE} // 3`)).resultJson).toMatch(/ 2"$/);
    expect((await run(execution, "javascript", `${CODE} // 1`)).resultJson).toMatch(/ 1"$/);
    expect(pools.pool?.stats().started).toBe(4);
  });

  it("ends one whose memory has grown, and all that wait when the host is short", async () => {
    const grown = withPool({ maxBytes: 1024 * 1024 });
    for (const turn of [1, 2]) {
      expect((await run(grown, "javascript", CODE)).resultJson, String(turn)).toMatch(/ 1"$/);
      await until(() => pools.pool?.stats().processes === 0);
    }
    pools.pool?.close();
    let short = false;
    const tight = withPool({ isShort: () => short });
    expect((await run(tight, "javascript", CODE)).resultJson).toMatch(/ 1"$/);
    short = true;
    expect((await run(tight, "javascript", CODE)).resultJson).toMatch(/ 2"$/);
    await until(() => pools.pool?.stats().processes === 0);
    expect((await run(tight, "javascript", CODE)).resultJson).toMatch(/ 1"$/);
    expect(pools.pool?.stats()).toMatchObject({ processes: 0, started: 1, jobs: 2 });
  });

  it("is not used by scripts that did not ask, nor where there is none", async () => {
    const execution = withPool();
    expect((await run(execution, "javascript", CODE, { dedicated: false })).resultJson).toMatch(/ 1"$/);
    expect((await run(execution, "bash", "echo 1")).resultJson).toBe("1");
    expect((await run(withPool({ max: 0 }), "javascript", CODE)).resultJson).toMatch(/ 1"$/);
    expect(pools.pool?.stats()).toEqual({ processes: 0, busy: 0, jobs: 0, started: 0 });
  });
});
