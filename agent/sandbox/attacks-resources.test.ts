/** Attacks on what a machine has too little of. The numbers are those of the list in `ATTACKS.md`. */
import { totalmem } from "node:os";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { isRunning, openTestExecution, runScript, type ScriptOptions, type StartedScript, startScript, untilPrepared } from "../runner/attempt-harness.ts";

const MB = 1024 * 1024;
const MEMORY_BYTES = 64 * MB;
const PREPARED = 2;
const languages = ["bash", "python3", "javascript"];
const limits = { timeoutMs: 30_000, timeoutGraceMs: 100, memoryBytes: MEMORY_BYTES };

/** One with little memory and much room in /tmp, one the other way round. */
const worlds = await Promise.all(
  (["cold", "prepared"] as const).map(async (way) => {
    const prepared = way === "prepared" ? PREPARED : 0;
    const poor = await openTestExecution({ prepared, languages, limits: { ...limits, tmpBytes: 1024 * MB } });
    const narrow = await openTestExecution({ prepared, languages, limits: { ...limits, tmpBytes: 8 * MB } });
    return { way, prepared, poor: poor.execution, narrow: narrow.execution, dispose: () => [poor, narrow].map((one) => one.dispose()) };
  }),
);
const [first] = worlds;
const hasPython = first?.poor.runtimes.find("python3") !== undefined;
const controls = first?.poor.enclosure.cgroups.controls ?? new Set();
afterAll(() => {
  for (const world of worlds) world.dispose();
});

/** Uses up memory in the way of its name. */
const BOMBS: Readonly<Record<string, string>> = {
  "anonymous memory": "def main():\n    return len(b'x' * 400_000_000)\n",
  "a file in memory without a name":
    "import os\ndef main():\n    fd = os.memfd_create('bomb')\n    for _ in range(400):\n        os.write(fd, b'x' * 1_000_000)\n    return 0\n",
  "shared memory of System V":
    "import ctypes\ndef main():\n    libc = ctypes.CDLL(None)\n    libc.shmat.restype = ctypes.c_void_p\n    at = libc.shmat(libc.shmget(0, 400_000_000, 0o1600), None, 0)\n    ctypes.memset(at, 1, 400_000_000)\n    return 0\n",
  "a mapped file":
    "import mmap\ndef main():\n    m = mmap.mmap(-1, 400_000_000)\n    for at in range(0, 400_000_000, 4096):\n        m[at] = 1\n    return 0\n",
  "many small processes":
    "import os, time\ndef main():\n    for _ in range(60):\n        if os.fork() == 0:\n            x = b'x' * 8_000_000\n            time.sleep(300)\n    time.sleep(300)\n",
  "buffers of sockets": [
    "import socket",
    "def main():",
    "    keep = []",
    "    for _ in range(450):",
    "        pair = socket.socketpair()",
    "        keep.append(pair)",
    "        for one in pair:",
    "            one.setblocking(False)",
    "            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)",
    "            try:",
    "                while True:",
    "                    one.send(b'x' * 65536)",
    "            except BlockingIOError:",
    "                pass",
  ].join("\n"),
  "buffers of pipes": [
    "import os",
    "def main():",
    "    keep = []",
    "    for _ in range(6):",
    "        if os.fork() != 0:",
    "            continue",
    "        for _ in range(480):",
    "            ends = os.pipe()",
    "            keep.append(ends)",
    "            os.set_blocking(ends[1], False)",
    "            try:",
    "                while True:",
    "                    os.write(ends[1], b'x' * 65536)",
    "            except BlockingIOError:",
    "                pass",
    "        import time",
    "        time.sleep(300)",
    "    os.wait()",
  ].join("\n"),
  "inodes (S-33)": "def main():\n    for n in range(2_000_000):\n        open(f'/tmp/{n}', 'w').close()\n    return 0\n",
};

/** A job of somebody else, for a second or so. */
function neighbour(execution: Parameters<typeof startScript>[0]): StartedScript {
  return startScript(execution, "bash", "for ((n = 0; n < 20; n++)); do sleep 0.05; done\necho '\"well\"'");
}

describe.each(worlds)("in a $way sandbox", ({ way, prepared, poor, narrow }) => {
  beforeEach(async () => {
    for (const execution of [poor, narrow]) await untilPrepared(execution, prepared);
  });
  const python = (code: string, options?: ScriptOptions) => runScript(poor, "python3", code, options);

  it.skipIf(!hasPython || !controls.has("memory"))("S-31, S-33: memory bombs end as out of memory, and others go on", { timeout: 60_000 }, async () => {
    const other = neighbour(poor);
    const begun = performance.now();
    for (const [name, code] of Object.entries(BOMBS)) {
      const outcome = await python(code);
      expect({ name, reason: outcome.exit.reason, message: outcome.exit.message }).toEqual({
        name,
        reason: "out_of_memory",
        message: "the job needed more memory than its limit of 64 MB",
      });
      expect(outcome.peakMemoryBytes).toBeLessThanOrEqual(MEMORY_BYTES);
    }
    const tmpfs = await runScript(poor, "bash", "head -c 400000000 /dev/zero > /tmp/bomb");
    expect(tmpfs.exit.reason).toBe("out_of_memory");
    expect((await other.done).exit.reason).toBe("succeeded");
    const lastsMs = ((await other.done).finishedAtUs - (await other.done).startedAtUs) / 1_000;
    expect(lastsMs).toBeLessThan(Math.max(10_000, performance.now() - begun));
  });

  it.skipIf(!hasPython || !controls.has("memory"))("S-31: a job whose child was killed for want of memory has not succeeded, whatever it says", async () => {
    const code = "python3 -c 'print(len(b\"x\" * 400_000_000))' || true\nsleep 0.01\necho 1";
    const outcome = await runScript(poor, "bash", code);
    expect(outcome.exit).toMatchObject({ reason: "out_of_memory" });
    // The others of the job do not go on without it.
    const waits = await runScript(poor, "bash", "python3 -c 'print(len(b\"x\" * 400_000_000))' || true\nsleep 300");
    expect(waits.exit.reason).toBe("out_of_memory");
  });

  it.skipIf(!controls.has("memory"))("S-31: what is only remembered of files that were read does not count", async () => {
    const outcome = await runScript(poor, "bash", "set +eo pipefail\ncat /usr/lib/*/*.so* 2>/dev/null | head -c 150000000 | wc -c");
    expect(outcome.exit.reason).toBe("succeeded");
    expect(Number(outcome.resultJson)).toBeGreaterThan(MEMORY_BYTES);
  });

  it("S-32: a full /tmp or /dev/shm ends as disk full", async () => {
    const attacks = ["head -c 20000000 /dev/zero > /tmp/big", "head -c 20000000 /dev/zero > /dev/shm/big", "printf '%20000000s' x > /tmp/big"];
    for (const code of attacks) expect((await runScript(narrow, "bash", code)).exit).toMatchObject({ reason: "disk_full" });
    if (hasPython) {
      const outcome = await runScript(narrow, "python3", "def main():\n    open('/tmp/big', 'wb').write(b'x' * 20_000_000)\n");
      expect(outcome.exit).toMatchObject({ reason: "disk_full", message: expect.stringContaining("No space left") });
    }
    const node = "import { writeFileSync } from 'node:fs';\nexport function main() { writeFileSync('/tmp/big', Buffer.alloc(20_000_000)); }";
    expect((await runScript(narrow, "javascript", node)).exit).toMatchObject({ reason: "disk_full" });
  });

  it("S-34: a sparse file beyond the limit of one file ends as disk full", async () => {
    expect((await runScript(poor, "bash", "truncate -s 50G /tmp/sparse")).exit).toMatchObject({ reason: "disk_full" });
    if (hasPython) {
      const outcome = await python("def main():\n    open('/tmp/sparse', 'wb').truncate(50_000_000_000)\n");
      expect(outcome.exit).toMatchObject({ reason: "disk_full", message: expect.stringContaining("File too large") });
    }
  });

  it("S-29, S-36, S-37: a fork bomb that ignores TERM ends at its timeout, with its daemons, and others go on", async () => {
    const seconds = `700${way.length}.${process.pid}`;
    const other = neighbour(poor);
    const code = `trap '' TERM\n(setsid sleep ${seconds} &)\nf() { f | f & }\nf\nwhile true; do :; done`;
    const outcome = await runScript(narrow, "bash", code, { limits: { timeoutMs: 700 }, requirements: { memoryBytes: 1024 * MB } });
    expect(outcome.exit.reason).toBe("timeout");
    expect(isRunning("sleep", seconds)).toBe(false);
    expect((await other.done).exit.reason).toBe("succeeded");
  });

  it.skipIf(!hasPython)("S-30, S-35, S-38: threads, descriptors and zombies run into the job's own limits", async () => {
    const attack = [
      "import os, threading, time",
      "def threads():",
      "    count, stop = 0, threading.Event()",
      "    try:",
      "        while count < 2000:",
      "            threading.Thread(target=stop.wait, daemon=True).start()",
      "            count += 1",
      "    except RuntimeError:",
      "        pass",
      "    stop.set()",
      "    time.sleep(0.2)",
      "    return count",
      "def descriptors():",
      "    opened = []",
      "    try:",
      "        while len(opened) < 5000:",
      "            opened.append(os.open('/dev/null', os.O_RDONLY))",
      "    except OSError:",
      "        pass",
      "    for fd in opened:",
      "        os.close(fd)",
      "    return len(opened)",
      "def zombies():",
      "    count = 0",
      "    try:",
      "        while count < 2000:",
      "            if os.fork() == 0:",
      "                os._exit(0)",
      "            count += 1",
      "    except OSError:",
      "        pass",
      "    return count",
      "def main():",
      "    return [threads(), descriptors(), zombies()]",
    ].join("\n");
    // Room for 500 children that a busy machine has not let end yet: memory is not what this is about.
    const outcome = await python(attack, { requirements: { memoryBytes: 512 * MB } });
    expect(outcome.exit).toMatchObject({ reason: "succeeded" });
    const [threads, descriptors, zombies] = JSON.parse(outcome.resultJson);
    for (const count of [threads, zombies]) expect([count > 50, count < 512]).toEqual([true, true]);
    expect([descriptors > 500, descriptors < 1024]).toEqual([true, true]);
  });

  it("S-39: a flood on stdout passes through, and does not stay", async () => {
    const before = process.memoryUsage.rss();
    let bytes = 0;
    const onOutput = (stream: number, data: Buffer): undefined => {
      if (stream === 1) bytes += data.length;
    };
    // On stderr and not kept: the harness would keep stdout.
    const flood = startScript(poor, "bash", "head -c 200000000 /dev/zero >&2\n", { onOutput });
    expect((await flood.done).exit.reason).toBe("succeeded");
    expect(bytes).toBe(200_000_000);
    // The harness keeps one copy.
    expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000 + 300 * MB);
  });

  it("S-40: a script that closes its output is waited for", async () => {
    const outcome = await runScript(poor, "bash", "exec 1>&- 2>&-\nsleep 0.3\nexit 7");
    expect(outcome.exit).toMatchObject({ reason: "exit_code", code: 7 });
  });

  it.skipIf(!hasPython)("S-41: what is counted for each user is used up for one job only", async () => {
    const attack = [
      "import ctypes, os, sys",
      "def main(wait=False):",
      "    libc, made = ctypes.CDLL(None), 0",
      "    while made < 1000 and libc.inotify_init1(0) >= 0:",
      "        made += 1",
      "    pipes = []",
      "    try:",
      "        import fcntl",
      "        for _ in range(100):",
      "            pipes.append(os.pipe())",
      "            fcntl.fcntl(pipes[-1][0], 1031, 1 << 20)",
      "    except OSError:",
      "        pass",
      "    print(made, flush=True)",
      "    if wait:",
      "        import time",
      "        time.sleep(300)",
      "    return [made, len(pipes)]",
    ].join("\n");
    const hog = startScript(poor, "python3", attack, { args: '{"wait":true}' });
    await hog.saw("\n");
    const [watches, pipes] = JSON.parse((await python(attack)).resultJson);
    expect(watches).toBe(Number(hog.printed(0).toString()));
    expect([watches > 10, pipes > 1]).toEqual([true, true]);
    hog.fence("over");
    await hog.done;
  });

  it.skipIf(!hasPython)("S-42, S-43: no higher priority, no real time, no other clock", async () => {
    const attack = [
      "import os, time",
      "def main():",
      "    done = []",
      "    tries = {'nice': lambda: os.nice(-5), 'real time': lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),",
      "             'clock': lambda: time.clock_settime(time.CLOCK_REALTIME, time.time())}",
      "    for name, attempt in tries.items():",
      "        try:",
      "            attempt()",
      "            done.append(name)",
      "        except PermissionError:",
      "            pass",
      "    return done",
    ].join("\n");
    expect((await python(attack)).resultJson).toBe("[]");
  });

  it.skipIf(!controls.has("cpu"))("a job gets the processor time that its script may have, and no more", async () => {
    const spin = "while true; do :; done";
    const outcome = await runScript(poor, "bash", spin, { requirements: { cpuMillis: 200 }, limits: { timeoutMs: 800 } });
    expect(outcome.exit.reason).toBe("timeout");
    // A fifth of the time, and one period more.
    const lastedMs = (outcome.finishedAtUs - outcome.startedAtUs) / 1_000;
    expect(outcome.cpuMs).toBeGreaterThan(20);
    expect(outcome.cpuMs).toBeLessThan(lastedMs * 0.2 + 100);
  });
});

describe("limits", () => {
  const [cold] = worlds;
  if (cold === undefined) throw new Error("there is a cold world");

  it.skipIf(!hasPython || !controls.has("memory"))("are those that a script asks for, and what it used is told", async () => {
    const code = "def main():\n    return len(b'x' * 40_000_000)\n";
    const small = await runScript(cold.poor, "python3", code, { requirements: { memoryBytes: 32 * MB } });
    expect(small.exit).toMatchObject({ reason: "out_of_memory", message: "the job needed more memory than its limit of 32 MB" });
    const large = await runScript(cold.poor, "python3", "def main():\n    return len(b'x' * 120_000_000)\n", { requirements: { memoryBytes: 200 * MB } });
    expect(large.exit.reason).toBe("succeeded");
    expect(large.peakMemoryBytes).toBeGreaterThan(120_000_000);
    expect(large.peakMemoryBytes).toBeLessThan(170_000_000);
    expect(large.cpuMs).toBeGreaterThan(10);
    const node = "import { getHeapStatistics } from 'node:v8';\nexport const main = () => getHeapStatistics().heap_size_limit;";
    const heaps = await Promise.all([400, 200].map((mb) => runScript(cold.poor, "javascript", node, { requirements: { memoryBytes: mb * MB } })));
    const [more = 0, less = 0] = heaps.map((heap) => Number(heap.resultJson));
    // The old generation is three quarters of the memory; what V8 adds for the young one is the same for both.
    expect(more - less).toBe(150 * MB);
  });

  it.skipIf(!controls.has("memory"))("that cannot be had are refused before anything runs", async () => {
    const outcome = await runScript(cold.poor, "bash", "echo ran", { requirements: { memoryBytes: totalmem() * 2 } });
    expect(outcome).toMatchObject({ exit: { reason: "sandbox_error" }, stdout: "", startedAtUs: 0 });
  });
});
