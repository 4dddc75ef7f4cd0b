/** What holds for sandboxes that wait for their job, besides all that holds for every sandbox (attacks, contract). */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  filesOfJobs,
  isRunning,
  openTestExecution,
  runScript,
  type ScriptOptions,
  startScript,
  untilCleared,
  untilPrepared,
} from "../runner/attempt-harness.ts";
import { DEFAULT_LIMITS } from "../runner/execution.ts";
import { createBubblewrap } from "./bubblewrap.ts";
import { noCgroups } from "./cgroup/cgroup.ts";
import { FifoPool } from "./fifo-pool.ts";
import { JobUids, ownIdentity } from "./job-uids.ts";
import { noFirewall } from "./network/firewall.ts";
import { probe } from "./probe.ts";
import { DEFAULT_RLIMITS } from "./sandbox.ts";
import { readSystemTree } from "./system-tree.ts";

const SIZE = 3;
const hasUsers = process.getuid?.() === 0;
const opened = await openTestExecution({ prepared: SIZE });
const { execution } = opened;
const cold = await openTestExecution({ prepared: 0 });
afterAll(() => {
  opened.dispose();
  cold.dispose();
});
beforeEach(() => untilPrepared(execution, SIZE));

const stats = (): { fast: number; cold: number } => {
  const { fast, cold: slow } = execution.sandbox.stats();
  return { fast, cold: slow };
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Processes of this machine whose arguments hold the text. */
function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Processes by number: name and parent. */
function processes(): Map<number, { name: string; parent: number }> {
  const found = new Map<number, { name: string; parent: number }>();
  for (const entry of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    try {
      const match = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8"));
      if (match !== null) found.set(Number(entry), { name: match[1] ?? "", parent: Number(match[2]) });
    } catch {
      // It has just ended.
    }
  }
  return found;
}

function childrenOf(pid: number, name: string): number[] {
  return [...processes()].filter(([, one]) => one.parent === pid && one.name === name).map(([child]) => child);
}

function descendantsOf(pid: number): number[] {
  const all = [...processes()];
  const found = [pid];
  for (const parent of found) found.push(...all.filter(([, one]) => one.parent === parent).map(([child]) => child));
  return found.slice(1);
}

/** A zombie counts as gone: who takes on orphans here may be slow to bury them. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("a prepared sandbox", () => {
  it("waits in a folder with nothing but empty files", async () => {
    expect(readdirSync(execution.jobsDir)).toHaveLength(SIZE);
    expect(await filesOfJobs(execution)).toEqual([]);
  });

  it("is used for one job only", async () => {
    const before = stats();
    // What a job leaves behind in its private folders would show up in the next one.
    const code =
      'n="$1"\ncat /tmp/mark /dev/shm/mark 2>/dev/null || true\necho used | tee /tmp/mark > /dev/shm/mark\nreadlink /proc/self/ns/pid /proc/self/ns/net\necho "$n"';
    const outcomes = [];
    for (const n of [1, 2, 3]) outcomes.push(await runScript(execution, "bash", code, { args: JSON.stringify({ n }) }));
    expect(outcomes.map((outcome) => outcome.resultJson)).toEqual(["1", "2", "3"]);
    expect(outcomes.some((outcome) => outcome.stdout.includes("used"))).toBe(false);
    expect(new Set(outcomes.map((outcome) => outcome.stdout.split("\n")[0])).size).toBe(3);
    expect(stats()).toEqual({ fast: before.fast + 3, cold: before.cold });
    await untilPrepared(execution, SIZE);
    expect(await filesOfJobs(execution)).toEqual([]);
  });

  it.skipIf(!hasUsers)("is made in the folder of a job that has ended", async () => {
    const before = readdirSync(execution.jobsDir).sort();
    const { stdout } = await runScript(execution, "bash", "ls -A /job | grep -v '^.blank-'; echo more");
    expect(stdout.split("\n")).toEqual(expect.arrayContaining(["main.sh", "more"]));
    await untilCleared();
    await untilPrepared(execution, SIZE);
    expect(readdirSync(execution.jobsDir).sort()).toEqual(before);
    expect(await filesOfJobs(execution)).toEqual([]);
  });

  it("is made in a folder of its own where all jobs have one user", async () => {
    const jobsDir = join(opened.dir, "jobs-of-one-user");
    mkdirSync(jobsDir);
    const sandbox = createBubblewrap({
      bwrapPath: "/usr/bin/bwrap",
      system: readSystemTree(opened.dir),
      seccompPath: join(opened.dir, "seccomp.bpf"),
      uids: new JobUids(ownIdentity(), 0),
      pipes: new FifoPool(join(opened.dir, "pipes-of-one-user")),
      jobsDir,
      cgroups: noCgroups([]),
      firewall: noFirewall("none"),
    });
    // As a trial wants it.
    sandbox.prepare({ mounts: [], network: "none", tmpBytes: 16 * 1024 * 1024, rlimits: DEFAULT_RLIMITS }, 1);
    await until(() => sandbox.stats().ready === 1);
    const [before] = readdirSync(jobsDir);
    expect((await probe(sandbox, ["/bin/true"])).end).toMatchObject({ kind: "ended", code: 0 });
    expect(sandbox.stats().fast).toBe(1);
    await untilCleared();
    await until(() => sandbox.stats().ready === 1);
    const [after] = readdirSync(jobsDir);
    expect(after).not.toBe(before);
    sandbox.close();
    await until(() => readdirSync(jobsDir).length === 0);
  });

  it("serves as many as wait, and the others are made for their job", async () => {
    const before = stats();
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, n) => runScript(execution, "bash", 'n="$1"\necho "$n"', { args: `{"n":${n}}` })));
    expect(outcomes.map((outcome) => outcome.resultJson)).toEqual(Array.from({ length: 8 }, (_, n) => String(n)));
    expect(stats()).toEqual({ fast: before.fast + SIZE, cold: before.cold + 8 - SIZE });
  });

  it("looks to a script like one that was made for it", async () => {
    const look = [
      "set +e",
      "env -0 | sort -z | tr '\\0' '\\n' | grep -v '^_='",
      "for file in /proc/self/fd/*; do printf '%s ' ${file##*/}; done; echo",
      "ls /proc/1/fd | tr '\\n' ' '; ls -l /proc/1/fd | grep -c socket",
      "ulimit -a; umask; pwd; id; hostname; tty || true; trap -p",
      "grep -v '^[0-9]* ' /proc/self/mountinfo | wc -l; ls -A / /dev /tmp /job; stat -f -c '%b %T' /tmp /dev/shm",
      "awk '{print $5, $6}' /proc/self/mountinfo",
      "grep -E '^(Cap|NoNewPrivs|Seccomp|Groups|Uid|Gid|Sig)' /proc/self/status",
      "true",
    ].join("\n");
    const options: ScriptOptions = { env: [{ name: "MINE", value: "it's \\ $(id)\n\u0081€" }] };
    const [made, waited] = [await runScript(cold.execution, "bash", look, options), await runScript(execution, "bash", look, options)];
    expect([made.exit.reason, waited.exit.reason]).toEqual(["succeeded", "succeeded"]);
    // The one that waited has the mounts of all runtimes (R has some where it looks for them), and for a moment the file that started it and those that were not needed.
    const comparable = (text: string): string[] => text.split("\n").filter((line) => !/^\/?runtimes\b|^\/etc\/(?:R|java-)|^\.(?:start$|blank-)/.test(line));
    expect(comparable(waited.stdout)).toEqual(comparable(made.stdout));
    expect(waited.stdout).toContain("MINE=it's \\ $(id)\n\u0081€\n");
  });

  it("does not keep a job's variables on the disk", async () => {
    const job = startScript(execution, "bash", "echo ready\nsleep 300");
    await job.saw("ready");
    const files = await filesOfJobs(execution);
    expect(files.map((file) => file.split("/")[1])).toEqual(expect.arrayContaining(["main.sh"]));
    expect(files.filter((file) => file.includes("/."))).toEqual([]);
    const folder = dirname(join(execution.jobsDir, files.find((file) => file.endsWith("/main.sh")) ?? ""));
    expect(readdirSync(folder).sort()).toEqual(["check.sh", "main.sh"]);
    job.fence("over");
    await job.done;
  });

  it("has neither the control descriptor nor the record left for a script's children", async () => {
    const { stdout } = await runScript(
      execution,
      "bash",
      "ls /proc/self/fd | tr '\\n' ' '; (echo x >&7) 2>/dev/null && echo wrote; (echo x >&5) 2>/dev/null && echo wrote; true",
    );
    expect(stdout).toBe("0 1 2 3 ");
  });

  it("shows nobody on the host what a job's variables and arguments are", async () => {
    const canary = ["canary", "prepared", process.pid].join("-");
    const before = stats();
    const job = startScript(execution, "bash", 'secret="$1"\necho ready\nsleep 300', {
      args: JSON.stringify({ secret: canary }),
      env: [{ name: "TOKEN", value: canary }],
    });
    await job.saw("ready");
    expect(stats().fast).toBe(before.fast + 1);
    expect(processesWith(execution.jobsDir)).toEqual([]);
    expect(processesWith(canary)).toEqual([]);
    job.fence("over");
    await job.done;
  });

  it("is left for the next job by one that is refused or stopped before it starts", async () => {
    const before = execution.sandbox.stats();
    expect((await runScript(execution, "bash", "echo", { args: '{"unknown":1}' })).startedAtUs).toBe(0);
    const stopped = startScript(execution, "bash", "echo");
    stopped.cancel("at once");
    await stopped.done;
    expect(execution.sandbox.stats()).toEqual(before);
  });

  it.each<[string, ScriptOptions["env"]]>([
    ["one that a shell treats in its own way", [{ name: "UID", value: "7" }]],
    ["one that shells have on their own", [{ name: "LINENO", value: "x" }]],
  ])("is not used for a variable like %s", async (_, env) => {
    const before = stats();
    const { name, value } = env?.[0] ?? { name: "", value: "" };
    const outcome = await runScript(execution, "python3", `import os\ndef main():\n    return os.environ.get("${name}")\n`, { env: env ?? [] });
    expect(JSON.parse(outcome.resultJson)).toBe(value);
    expect(stats()).toEqual({ fast: before.fast, cold: before.cold + 1 });
  });

  it("is not used for other limits or another network", async () => {
    const before = stats();
    const small = { ...execution, limits: { ...DEFAULT_LIMITS, tmpBytes: 1024 * 1024 } };
    expect((await runScript(small, "bash", "stat -f -c %b /tmp")).resultJson).toBe("256");
    const files = { ...execution, limits: { ...DEFAULT_LIMITS, rlimits: { ...DEFAULT_LIMITS.rlimits, openFiles: 77 } } };
    expect((await runScript(files, "bash", "ulimit -n")).resultJson).toBe("77");
    const own = await runScript({ ...execution, network: "full" }, "bash", "readlink /proc/self/ns/net");
    expect(JSON.parse(own.resultJson)).toBe(readlinkSync("/proc/self/ns/net"));
    expect(stats()).toEqual({ fast: before.fast, cold: before.cold + 3 });
  });

  it("says when the script's program began, between order and end", async () => {
    const orderedUs = (performance.timeOrigin + performance.now()) * 1_000;
    const outcome = await runScript(execution, "bash", "echo ${EPOCHREALTIME/[.,]/}\nsleep 0.5");
    expect(outcome.startedAtUs).toBeGreaterThan(orderedUs);
    // Bash itself takes a while to start; the agent hears of the beginning on its own processor, which may be busy.
    expect(outcome.startedAtUs).toBeLessThan(Number(outcome.resultJson) + 450_000);
  });

  it("is replaced when it dies, and jobs go on", async () => {
    const before = stats();
    const victims = childrenOf(process.pid, "bwrap");
    expect(victims.length).toBeGreaterThanOrEqual(SIZE);
    // Others are free, or about to be.
    await untilCleared();
    const folders = new Set(readdirSync(execution.jobsDir).filter((folder) => readdirSync(join(execution.jobsDir, folder)).length > 0));
    expect(folders.size).toBe(SIZE);
    for (const pid of victims) process.kill(pid, "SIGKILL");
    await until(() => execution.sandbox.stats().ready === 0);
    expect((await runScript(execution, "bash", "echo 1")).resultJson).toBe("1");
    await untilPrepared(execution, SIZE);
    expect(readdirSync(execution.jobsDir).filter((folder) => folders.has(folder))).toEqual([]);
    expect((await runScript(execution, "bash", "echo 2")).resultJson).toBe("2");
    expect(stats()).toEqual({ fast: before.fast + 1, cold: before.cold + 1 });
  });

  it("is ended by a stop before the script begins", async () => {
    const before = stats();
    const script = startScript(execution, "bash", "sleep 300");
    // The launch has been worked out by then and the go was given; the launcher's answer is not yet read.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    await Promise.resolve();
    script.fence("over");
    expect((await script.done).exit.reason).toBe("fenced");
    expect(stats().cold).toBe(before.cold);
    expect(await filesOfJobs(execution)).toEqual([]);
  });
});

describe("the pool of prepared sandboxes", () => {
  it("ends with its execution: no process, no folder", async () => {
    const own = await openTestExecution({ prepared: 2, languages: ["bash"] });
    await untilPrepared(own.execution, 2);
    const [mine, others] = [new Set(childrenOf(process.pid, "bwrap")), readdirSync(own.execution.jobsDir)];
    expect([mine.size >= 2, others.length]).toEqual([true, 2]);
    own.close();
    expect([own.execution.sandbox.stats().ready, readdirSync(own.execution.jobsDir)]).toEqual([0, []]);
    await until(() => childrenOf(process.pid, "bwrap").length <= execution.sandbox.stats().ready);
    // A place can still be had; nothing waits any more.
    expect((await runScript(own.execution, "bash", "echo 1")).resultJson).toBe("1");
    expect(own.execution.sandbox.stats().ready).toBe(0);
    own.dispose();
  });

  it("dies with an agent that is killed, and the next one removes the folders", async () => {
    const dir = mkdtempSync(join(tmpdir(), "millrace-prepared-"));
    const seconds = `4100.${process.pid}`;
    const agent = spawn(process.execPath, [fileURLToPath(new URL("./attack-agent.ts", import.meta.url)), dir, "prepared", "close", `sleep ${seconds}`], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const pid = agent.pid ?? -1;
    // The job's own launcher, and the two that wait.
    const launchers = (): number[] => {
      const waiting = new Set(processesWith("printf P"));
      return descendantsOf(pid).filter((one) => waiting.has(one) && processes().get(one)?.name !== "bwrap");
    };
    await until(() => isRunning("sleep", seconds) && launchers().length === 3);
    const all = descendantsOf(pid);
    expect(all.length).toBeGreaterThanOrEqual(7);
    agent.kill("SIGKILL");
    await until(() => all.every((one) => !isAlive(one)));
    expect(readdirSync(join(dir, "jobs"))).toHaveLength(3);
    const next = await openTestExecution({ dir, prepared: 0, languages: ["bash"] });
    expect(next.swept).toBe(3);
    // Trial runs at the start have had folders too.
    await untilCleared();
    expect(readdirSync(join(dir, "jobs"))).toEqual([]);
    next.dispose();
    rmSync(dir, { recursive: true, force: true });
  });
});
