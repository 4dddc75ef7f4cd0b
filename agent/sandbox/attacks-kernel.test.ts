/** Attacks on the kernel, on other jobs and on the channel of the result, by number. More in `attacks.test.ts`. */
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { openTestExecution, runScript, startScript, untilPrepared } from "../runner/attempt-harness.ts";
import { probe } from "./probe.ts";

const CANARY = ["canary", "kernel", process.pid].join("-");
const PREPARED = 2;
const languages = ["bash", "python3", "javascript"];
const isRoot = process.getuid?.() === 0;
const worlds = await Promise.all(
  (["cold", "prepared"] as const).map(async (way) => {
    const prepared = way === "prepared" ? PREPARED : 0;
    const opened = await openTestExecution({ prepared, languages, limits: { timeoutMs: 30_000 } });
    return { way, prepared, ...opened };
  }),
);
const open = await openTestExecution({ sandbox: "off", languages, limits: { timeoutMs: 30_000 } });
const hasPython = open.execution.runtimes.find("python3") !== undefined;
afterAll(() => {
  for (const world of worlds) world.dispose();
  open.dispose();
});

/** Runs machine code in a child, and tells how the child ended: calls of 32-bit programs have numbers of their own. */
const OTHER_CALLS = `
import ctypes, mmap, os
def run(code):
    pid = os.fork()
    if pid == 0:
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(code)
        at = ctypes.addressof(ctypes.c_char.from_buffer(page))
        result = ctypes.CFUNCTYPE(ctypes.c_long)(at)()
        os._exit(7 if result > 0 else 8)
    status = os.waitpid(pid, 0)[1]
    return status & 0x7f or status >> 8
def main():
    int80 = run(bytes.fromhex('b814000000cd80c3'))
    libc = ctypes.CDLL(None, use_errno=True)
    x32 = [libc.syscall(0x40000000 | 39), ctypes.get_errno()]
    return {'int80': int80, 'x32': x32}
`;

/** Asks the kernel in ways that a script has no business to; tells which were not refused. */
const FORBIDDEN = `
import ctypes, fcntl, os, stat
libc = ctypes.CDLL(None, use_errno=True)
def allowed(name, attempt, out, also=1):
    try:
        attempt()
        out.append(name)
    except OSError as error:
        if error.errno not in (1, 13, 38, 30, also):
            out.append(f'{name}: {error}')
def tiocsti():
    fcntl.ioctl(os.open('/dev/null', os.O_RDWR), 0x5412, b'x')
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), 'refused')
def main():
    out = []
    allowed('mknod', lambda: os.mknod('/tmp/disk', stat.S_IFBLK | 0o600, os.makedev(254, 0)), out)
    allowed('tiocsti', tiocsti, out)
    allowed('clone newuser', lambda: check(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)), out)
    allowed('clone newns', lambda: check(libc.syscall(56, 0x00020000 | 17, 0, 0, 0, 0)), out)
    allowed('chroot', lambda: os.chroot('/tmp'), out)
    allowed('unshare', lambda: check(libc.unshare(0x00020000)), out)
    allowed('bind', lambda: check(libc.mount(b'/tmp', b'/job', None, 4096, None)), out)
    allowed('cgroup', lambda: check(libc.mount(b'none', b'/tmp', b'cgroup', 0, b'memory')), out)
    allowed('cgroup2', lambda: check(libc.mount(b'none', b'/tmp', b'cgroup2', 0, None)), out)
    # Root is nobody in this namespace: EINVAL.
    allowed('setuid', lambda: os.setuid(0), out, 22)
    allowed('sethostname', lambda: check(libc.sethostname(b'x', 1)), out)
    return out
`;

describe.each(worlds)("in a $way sandbox", ({ prepared, execution }) => {
  beforeEach(() => untilPrepared(execution, prepared));
  const bash = (code: string) => runScript(execution, "bash", code);

  it("S-03: the arguments and the environment of process 1 show nothing of the host or the tenant", async () => {
    const { stdout } = await bash("tr '\\0' '\\n' < /proc/1/cmdline; tr '\\0' '\\n' < /proc/1/environ || true");
    expect(stdout).toContain("ulimit -c 0");
    for (const text of [execution.jobsDir, "bwrap", "--seccomp", "acme"]) expect(stdout.split("MILLRACE")[0]).not.toContain(text);
  });

  it("S-07: processes are its own: no memory, root or working folder of another one", async () => {
    const victim = startScript(execution, "bash", `secret=${CANARY}\necho $secret > /tmp/secret\necho ready\nsleep 300`);
    await victim.saw("ready");
    const attack = [
      "set +e",
      "for one in /proc/[0-9]* /proc/self/task/*; do cat $one/root/tmp/secret $one/cwd/secret $one/environ; ls $one/root/proc; head -c 1 $one/mem; done 2>/dev/null",
      "echo; ls -d /proc/[0-9]* | wc -l",
    ].join("\n");
    const { stdout } = await bash(attack);
    expect(stdout).not.toContain(CANARY);
    expect(Number(stdout.trim().split("\n").at(-1))).toBeLessThan(10);
    victim.fence("over");
    await victim.done;
  });

  it("S-11: a process that dies with a secret leaves no core", async () => {
    const outcome = await bash(
      `cd /tmp\nulimit -c unlimited 2>/dev/null && echo raised\nulimit -c\nbash -c 'secret=${CANARY}; kill -SEGV $$' || true\nls -A /tmp`,
    );
    expect(outcome.stdout).toBe("0\n");
  });

  it("S-13: nothing of a job is there for the next one", async () => {
    const mark = `echo ${CANARY} | tee /tmp/left > /dev/shm/left; ipcmk -M 64 >/dev/null 2>&1; (cd /tmp && mkfifo pipe); true`;
    const look = "cat /tmp/* /dev/shm/* 2>/dev/null; ls -A /tmp /dev/shm /var /run /home /root 2>/dev/null | grep -v :; ipcs -m 2>/dev/null | grep -c 0x; true";
    await bash(mark);
    await untilPrepared(execution, prepared);
    expect((await bash(look)).stdout.replace(/^0\n/m, "").trim()).toBe("");
  });

  it.skipIf(!hasPython || process.arch !== "x64")("S-15, S-16, S-17, S-19, S-21, S-24, S-27, S-28: is refused what makes a way out", async () => {
    expect((await runScript(execution, "python3", FORBIDDEN)).resultJson).toBe("[]");
  });

  it.skipIf(!hasPython || process.arch !== "x64")("S-22: calls of 32-bit programs end the process, those of x32 do not exist", async () => {
    const SIGSYS = 31;
    expect(JSON.parse((await runScript(execution, "python3", OTHER_CALLS)).resultJson)).toEqual({ int80: SIGSYS, x32: [-1, 38] });
  });

  it("S-17, S-23, S-26: has no /sys, no control groups, and only harmless devices", async () => {
    const { stdout } = await bash(
      "ls -A /sys /run /var /boot 2>/dev/null | grep -v :\ncut -d: -f3 /proc/self/cgroup | sort -u\nls /dev | tr '\\n' ' '".replace(
        "grep -v :",
        "grep -v : || true",
      ),
    );
    const [groups, devices = ""] = stdout.split("\n");
    expect(groups).toBe("/");
    expect(devices.trim().split(" ").sort()).toEqual(
      ["console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"].filter(
        (name) => name !== "console" || devices.includes("console"),
      ),
    );
  });

  it("S-46: does not find a socket file of the host", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-socket-"));
    chmodSync(folder, 0o755);
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.end();
    });
    const path = join(folder, "docker.sock");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    chmodSync(path, 0o777);
    const attack = `import { connect } from 'node:net';\nexport const main = () => new Promise((done) => connect('${path}').on('connect', () => done('in')).on('error', (e) => done(e.code)));`;
    expect((await runScript(execution, "javascript", attack)).resultJson).toBe('"ENOENT"');
    expect(connections).toBe(0);
    expect((await runScript(open.execution, "javascript", attack)).resultJson).toBe('"in"');
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("S-52, S-53, S-54: no file that a script makes is read as its result", async () => {
    const attack = [
      "cd /tmp",
      "for name in result result.json main.json; do ln -s /etc/shadow $name; done",
      "mkfifo result.fifo; truncate -s 1G sparse; mkdir result.d",
      "(ln -sf /etc/shadow /job/result.json; echo x > /job/args) 2>/dev/null && echo wrote",
      "echo '\"mine\"'",
    ].join("\n");
    const outcome = await bash(attack);
    expect([outcome.exit.reason, outcome.resultJson, outcome.stdout]).toEqual(["succeeded", '"mine"', '"mine"\n']);
  });

  it("S-68, S-69: arguments and variables of a tenant cannot become options or code of an interpreter", async () => {
    const env = ["LD_PRELOAD", "BASH_ENV", "NODE_OPTIONS", "PYTHONSTARTUP", "ENV"].map((name) => ({ name, value: "/tmp/evil" }));
    const outcome = await runScript(execution, "bash", 'a="$1"\nb="$2"\nenv | grep -c evil || true\necho "$a $b"', {
      args: JSON.stringify({ a: "--init-file=/tmp/evil", b: "-c id" }),
      env,
    });
    expect(outcome.stdout).toBe("0\n--init-file=/tmp/evil -c id\n");
  });
});

describe("S-18: a program with capabilities of its own", () => {
  it.skipIf(!isRoot || !hasPython)("has none in a sandbox, and would have them outside", async () => {
    const opened = await openTestExecution({ prepared: 0, languages: ["bash"] });
    const program = join(opened.dir, "capable");
    copyFileSync("/bin/cat", program);
    chmodSync(program, 0o755);
    // Version 2, effective: CAP_DAC_OVERRIDE.
    const attribute = "import os,struct,sys;os.setxattr(sys.argv[1],'security.capability',struct.pack('<IIIII',0x02000001,2,0,0,0))";
    await run("/usr/bin/python3", ["-c", attribute, program], {});
    const { stdout } = await probe(opened.execution.sandbox, ["/runtimes/capable", "/proc/self/status"], [{ source: program, target: "/runtimes/capable" }]);
    expect(stdout).toMatch(/^CapEff:\t0+$/m);
    expect(await run(program, ["/proc/self/status"], { uid: 200_999, gid: 200_999 })).toMatch(/^CapEff:\t0+2$/m);
    opened.dispose();
  });
});

function run(program: string, args: readonly string[], options: { uid?: number; gid?: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: "/", stdio: ["ignore", "pipe", "inherit"], ...options });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
    });
    child.once("error", reject);
    child.once("close", () => resolve(text));
  });
}
