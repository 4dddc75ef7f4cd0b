import { spawn } from "node:child_process";
import { chmodSync, closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isRunning, openTestExecution, runScript, startScript, untilPrepared } from "../runner/attempt-harness.ts";
import { openCgroups } from "./cgroup/open.ts";
import { probe } from "./probe.ts";

/** In everything that a script must not see. Put together here, so that the tests' own code does not hold it. */
const CANARY = ["canary", "of", "millrace", process.pid].join("-");
const isRoot = process.getuid?.() === 0;

/** Every attack is tried in a sandbox made for it, and in one that waited. No test starts more scripts than wait. */
const WAYS = ["cold", "prepared"] as const;
const PREPARED = 3;
const worlds = await Promise.all(
  WAYS.map(async (way) => {
    const prepared = way === "prepared" ? PREPARED : 0;
    const closed = await openTestExecution({ prepared, limits: { timeoutMs: 30_000, tmpBytes: 8 * 1024 * 1024 } });
    const connected = await openTestExecution({ prepared, network: "full", limits: { timeoutMs: 30_000 } });
    return { way, prepared, closed, connected: connected.execution, dispose: () => [closed, connected].map((one) => one.dispose()) };
  }),
);
const open = await openTestExecution({ sandbox: "off", languages: ["bash", "python3"], limits: { timeoutMs: 30_000 } });
const hasPython = open.execution.runtimes.find("python3") !== undefined;

/** Stands for the agent's data folder: closed to everybody else. */
let secrets = "";

beforeAll(() => {
  secrets = mkdtempSync(join(tmpdir(), "millrace-secrets-"));
  mkdirSync(join(secrets, "postgres"), { mode: 0o700 });
  for (const name of ["spool", "token", "postgres/PG_VERSION"]) writeFileSync(join(secrets, name), CANARY, { mode: 0o600 });
});

afterAll(() => {
  for (const world of worlds) world.dispose();
  open.dispose();
  rmSync(secrets, { recursive: true, force: true });
});

const seen = (outcome: { stdout: string; stderr: string; resultJson: string }): boolean =>
  `${outcome.stdout}${outcome.stderr}${outcome.resultJson}`.includes(CANARY);

/** Waits for something that will come; the limit is that of the test. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Counts connections to a server of ours. */
async function listen(address: { port: number; host: string } | { path: string }): Promise<{ server: Server; connections: () => number }> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.end();
  });
  await new Promise<void>((resolve) => server.listen(address, resolve));
  return { server, connections: () => count };
}

/** Far from the others: Node itself makes the first sixteen descriptors close-on-exec, and those next to them. */
const LEAKED_FD = 40;

/** Runs the tiny agent with a secret in its environment and one behind a descriptor. */
async function runAgent(
  sandbox: "cold" | "prepared" | "off",
  fds: "close" | "keep",
  code: string,
): Promise<{ stdout: string; stderr: string; resultJson: string; closed: number[]; fast: number; exit: { reason: string } }> {
  const dir = mkdtempSync(join(tmpdir(), "millrace-attack-"));
  const fd = openSync(join(secrets, "spool"), "r");
  try {
    const stdio = Array.from({ length: LEAKED_FD + 1 }, (_, index) => (index === 1 ? "pipe" : index === 2 ? "inherit" : index === LEAKED_FD ? fd : "ignore"));
    const child = spawn(process.execPath, [fileURLToPath(new URL("./attack-agent.ts", import.meta.url)), dir, sandbox, fds, code], {
      env: { PATH: "/usr/bin:/bin", AGENT_SECRET: CANARY },
      stdio,
    });
    let text = "";
    child.stdout?.on("data", (data) => {
      text += data;
    });
    await new Promise((resolve) => child.once("close", resolve));
    return JSON.parse(text);
  } finally {
    closeSync(fd);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Calls the kernel directly; prints the names of the calls that were not refused with EPERM. */
const FORBIDDEN_CALLS = `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
calls = {'mount': 165, 'unshare': 272, 'setns': 308, 'ptrace': 101, 'keyctl': 250, 'add_key': 248, 'bpf': 321,
         'perf_event_open': 298, 'userfaultfd': 323, 'io_uring_setup': 425, 'open_by_handle_at': 304, 'pidfd_getfd': 438,
         'process_vm_readv': 310, 'move_mount': 429, 'fsopen': 430, 'chroot': 161, 'pivot_root': 155, 'kexec_load': 246}
def main():
    allowed = []
    for name, number in calls.items():
        ctypes.set_errno(0)
        result = libc.syscall(number, 0, 0, 0, 0, 0)
        if result != -1 or ctypes.get_errno() != 1:
            allowed.append(name)
    ctypes.set_errno(0)
    if libc.syscall(135, 0x0040000) != -1:
        allowed.append('personality')
    if libc.syscall(435, 0, 0) != -1 or ctypes.get_errno() != 38:
        allowed.append('clone3')
    return allowed
`;

describe.each(worlds)("in a $way sandbox", ({ way, prepared, closed, connected }) => {
  const both = [closed.execution.sandbox, connected.sandbox];
  let coldBefore = 0;
  const coldStarts = (): number => both.reduce((sum, sandbox) => sum + sandbox.stats().cold, 0);
  beforeEach(async () => {
    for (const execution of [closed.execution, connected]) await untilPrepared(execution, prepared);
    coldBefore = coldStarts();
  });
  afterEach(() => {
    if (way === "prepared") expect(coldStarts()).toBe(coldBefore);
    else expect(both.map((sandbox) => sandbox.stats().fast)).toEqual([0, 0]);
  });

  describe("a script that wants the agent's secrets", () => {
    const READ_ENVIRONMENTS = "for file in /proc/[0-9]*/environ /proc/$PPID/environ; do tr '\\0' '\\n' < $file || true; done 2>/dev/null";

    it("S-01, S-02: does not find the agent's environment", async () => {
      const outcome = await runAgent(way, "close", READ_ENVIRONMENTS);
      expect(outcome.stdout).toContain("MILLRACE_JOB_ID=");
      expect(outcome.fast).toBe(way === "prepared" ? 1 : 0);
      expect(seen(outcome)).toBe(false);
    });

    it("would find it without a sandbox", async () => {
      expect(seen(await runAgent("off", "close", READ_ENVIRONMENTS))).toBe(true);
    });

    it("S-10: does not inherit a descriptor of the agent", async () => {
      const outcome = await runAgent(way, "close", `cat <&${LEAKED_FD} || true; ls /proc/self/fd; echo end`);
      expect(outcome.closed).toContain(LEAKED_FD);
      expect(outcome.stdout).toMatch(/\bend\n$/);
      expect(seen(outcome)).toBe(false);
      expect(outcome.stdout.split("\n")).not.toContain(String(LEAKED_FD));
    });

    it("would inherit it, in spite of the sandbox, if the agent had kept it", async () => {
      expect(seen(await runAgent(way, "keep", `cat <&${LEAKED_FD}`))).toBe(true);
    });

    const readAll = (): string => `set +e; cat ${secrets}/spool ${secrets}/token ${secrets}/postgres/PG_VERSION; ls -R ${secrets}; true`;

    it("S-04: cannot read the agent's spool, its token or the database's folder", async () => {
      const outcome = await runScript(closed.execution, "bash", readAll());
      expect(outcome.stderr).toContain("No such file");
      expect(seen(outcome)).toBe(false);
    });

    it("would read them without a sandbox", async () => {
      expect(seen(await runScript(open.execution, "bash", readAll()))).toBe(true);
    });

    it.skipIf(!isRoot)("S-04: cannot read /etc/shadow", async () => {
      const root = readFileSync("/etc/shadow", "utf8").split("\n")[0] ?? "";
      expect(root).toContain("root:");
      const attack = "cat /etc/shadow; true";
      expect((await runScript(closed.execution, "bash", attack)).stdout).not.toContain("root:");
      expect((await runScript(open.execution, "bash", attack)).stdout).toContain(root);
    });
  });

  describe("a script that wants another job", () => {
    it("S-05: does not see its folder or its processes", async () => {
      const victim = startScript(closed.execution, "bash", 'secret="$1"\necho ready\nsleep 300', { args: JSON.stringify({ secret: CANARY }) });
      await victim.saw("ready");
      const { jobsDir } = closed.execution;
      const folder = join(jobsDir, readdirSync(jobsDir).find((name) => existsSync(join(jobsDir, name, "args"))) ?? "none");
      expect(readFileSync(join(folder, "args"), "utf8")).toContain(CANARY);
      const attack = `set +e; cat ${folder}/args; ls ${jobsDir}; cat /job/../*/args; tr '\\0' ' ' < /proc/[0-9]*/cmdline; ps -ef; touch ${folder}/mine; true`;
      const outcome = await runScript(closed.execution, "bash", attack);
      expect(seen(outcome)).toBe(false);
      expect(outcome.stdout).not.toContain("sleep 300");
      expect(readdirSync(folder)).not.toContain("mine");
      expect(seen(await runScript(open.execution, "bash", attack))).toBe(true);
      victim.fence("over");
      await victim.done;
    });

    it("S-08: kills nobody but itself", async () => {
      const victim = startScript(closed.execution, "bash", "echo ready\nsleep 300");
      await victim.saw("ready");
      const attacker = await runScript(closed.execution, "bash", "set +e\nsleep 200 &\nkill -KILL -1\nkill -KILL 1\necho survived");
      expect(attacker.exit.reason).toBe("succeeded");
      victim.cancel("checked");
      expect((await victim.done).exit.reason).toBe("cancelled");
    });
  });

  describe("what others on the host can see of a job", () => {
    it("S-12: is neither its arguments nor its variables", async () => {
      const job = startScript(closed.execution, "bash", 'secret="$1"\necho ready\nsleep 300', {
        args: JSON.stringify({ secret: CANARY }),
        env: [{ name: "TOKEN", value: CANARY }],
      });
      await job.saw("ready");
      const lines = readdirSync("/proc")
        .filter((name) => /^[0-9]+$/.test(name))
        .map((name) => {
          try {
            return readFileSync(`/proc/${name}/cmdline`, "utf8");
          } catch {
            return "";
          }
        });
      expect(lines.some((line) => line.includes("/usr/bin/bwrap"))).toBe(true);
      expect(lines.filter((line) => line.includes(CANARY))).toEqual([]);
      job.fence("over");
      await job.done;
    });
  });

  describe("a script that wants the network", () => {
    const connectTo = (port: number): string => `set +e; exec 3<>/dev/tcp/127.0.0.1/${port} && echo connected; true`;

    it("S-45: cannot reach a port of the agent's loopback, and could with the network policy full", async () => {
      const { server, connections } = await listen({ port: 0, host: "127.0.0.1" });
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const refused = await runScript(closed.execution, "bash", connectTo(port));
      expect([connections(), refused.stdout]).toEqual([0, ""]);
      const allowed = await runScript(connected, "bash", connectTo(port));
      expect([connections(), allowed.stdout]).toEqual([1, "connected\n"]);
      server.close();
    });

    it.skipIf(!hasPython)("S-47: cannot reach an abstract socket, and could with the network policy full", async () => {
      const name = `millrace-test-${way}-${process.pid}`;
      const { server, connections } = await listen({ path: `\0${name}` });
      const attack = `import socket\ndef main():\n    s = socket.socket(socket.AF_UNIX)\n    s.connect('\\0${name}')\n`;
      const refused = await runScript(closed.execution, "python3", attack);
      expect([connections(), refused.exit.reason]).toEqual([0, "exit_code"]);
      await runScript(connected, "python3", attack);
      expect(connections()).toBe(1);
      server.close();
    });

    it.skipIf(!hasPython)("S-48: gets no socket that namespaces do not hold", async () => {
      const attack =
        "import socket\ndef main():\n    made = []\n    for family in (17, 38, 40, 31, 15):\n        try:\n            socket.socket(family, socket.SOCK_RAW if family in (17, 31) else socket.SOCK_STREAM)\n            made.append(family)\n        except OSError as error:\n            assert error.errno == 97, error\n    return made\n";
      expect((await runScript(connected, "python3", attack)).resultJson).toBe("[]");
    });
  });

  describe("a script that wants the kernel", () => {
    it.skipIf(!hasPython || process.arch !== "x64")("S-06, S-09, S-16, S-20, S-21, S-25: is refused the calls of the deny list", async () => {
      expect((await runScript(closed.execution, "python3", FORBIDDEN_CALLS)).resultJson).toBe("[]");
      const without = JSON.parse((await runScript(open.execution, "python3", FORBIDDEN_CALLS)).resultJson);
      expect(without).toEqual(expect.arrayContaining(["personality", "clone3"]));
    });

    it("S-15: gets no user namespace of its own", async () => {
      const attack = "set +e; unshare -Ur id -u; unshare -Urm sh -c 'mount -t tmpfs none /mnt && echo mounted'; true";
      expect((await runScript(closed.execution, "bash", attack)).stdout).toBe("");
      expect((await runScript(open.execution, "bash", attack)).stdout).toContain("0\n");
    });

    it("S-14: cannot open core_pattern for writing", async () => {
      // Opens and closes: nothing is written, here or where it would succeed.
      const attack =
        "for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/fs/binfmt_misc/register /proc/sysrq-trigger; do if true 2>/dev/null >> $file; then echo opened $file; fi; done; true";
      expect((await runScript(closed.execution, "bash", attack)).stdout).toBe("");
      if (isRoot) expect((await runScript(open.execution, "bash", attack)).stdout).toContain("opened /proc/sys/kernel/core_pattern");
    });

    it("S-14: reads nothing from the covered files of /proc", async () => {
      const attack =
        "set +e; for file in keys kallsyms timer_list config.gz kmsg kcore interrupts cmdline; do if [ -e /proc/$file ]; then head -c 10 /proc/$file; fi; done 2>/dev/null; ls /proc/acpi /proc/bus /proc/irq 2>/dev/null | grep -v :; true";
      expect((await runScript(closed.execution, "bash", attack)).stdout.trim()).toBe("");
    });

    it("S-05: writes nowhere but in its own temporary folders", async () => {
      const attack = "for dir in / /etc /usr /usr/bin /dev /job /proc /tmp /dev/shm; do if touch $dir/new 2>/dev/null; then echo $dir; fi; done";
      expect((await runScript(closed.execution, "bash", attack)).stdout).toBe("/tmp\n/dev/shm\n");
    });
  });

  describe("a script whose agent is killed", () => {
    it("S-37: does not outlive it, not even in a session of its own", async () => {
      const seconds = `400${WAYS.indexOf(way)}.${process.pid}`;
      const dir = mkdtempSync(join(tmpdir(), "millrace-attack-"));
      const code = `setsid sleep ${seconds} & wait`;
      const agent = spawn(process.execPath, [fileURLToPath(new URL("./attack-agent.ts", import.meta.url)), dir, way, "close", code], { stdio: "ignore" });
      await until(() => isRunning("sleep", seconds));
      agent.kill("SIGKILL");
      await until(() => !isRunning("sleep", seconds));
      // What the next agent in this folder would do first.
      (await openCgroups(dir)).close();
      rmSync(dir, { recursive: true, force: true });
    });
  });

  describe("a script that wants everything", () => {
    it("S-32: fills its /tmp and no more", async () => {
      const outcome = await runScript(closed.execution, "bash", "head -c 20000000 /dev/zero > /tmp/big || true\nstat -c %s /tmp/big");
      expect(outcome.stderr).toContain("No space left");
      expect(Number(outcome.resultJson)).toBeLessThanOrEqual(8 * 1024 * 1024);
    });

    it.skipIf(!hasPython)("S-29: runs into the limit of processes, and all of them end with it", async () => {
      const attack =
        "import os, time\ndef main():\n    count = 0\n    try:\n        while count < 2000:\n            if os.fork() == 0:\n                time.sleep(300)\n                os._exit(0)\n            count += 1\n    except OSError:\n        pass\n    return count\n";
      const outcome = await runScript(closed.execution, "python3", attack);
      expect(Number(outcome.resultJson)).toBeGreaterThan(100);
      expect(Number(outcome.resultJson)).toBeLessThan(512);
    });

    it("S-39: does not hold up its end by filling the pipes with a flood", async () => {
      const flood = startScript(closed.execution, "bash", "echo ready\nyes\n");
      await flood.saw("ready");
      flood.cancel("enough");
      expect((await flood.done).exit.reason).toBe("cancelled");
    });
  });
});

describe("a sandbox with a set-uid program in it", () => {
  it.skipIf(!isRoot)("S-18: does not become root by a set-uid program", async () => {
    const opened = await openTestExecution({ prepared: 0, languages: ["bash"] });
    const source = join(opened.dir, "root-id");
    copyFileSync("/usr/bin/id", source);
    chmodSync(source, 0o4755);
    const { stdout } = await probe(opened.execution.sandbox, ["/runtimes/id"], [{ source, target: "/runtimes/id" }]);
    expect(stdout).toContain("uid=1000");
    expect(stdout).not.toContain("euid=");
    const outside = await new Promise<string>((resolve) => {
      const child = spawn(source, { uid: 200_999, gid: 200_999, cwd: "/" });
      let text = "";
      child.stdout.on("data", (data) => {
        text += data;
      });
      child.once("close", () => resolve(text));
    });
    expect(outside).toContain("euid=0");
    opened.dispose();
  });
});
