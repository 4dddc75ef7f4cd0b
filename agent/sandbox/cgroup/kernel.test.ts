/** What this kernel does with the groups, of whichever version it has. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ownGroups } from "./hierarchy.ts";
import { openCgroups } from "./open.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-cgroup-"));
const driver = await openCgroups(dir);
const mine = ownGroups(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
afterAll(() => {
  driver.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Where version 2 has moved the agent to is beside its jobs. */
const baseOf = (group: string): string => (basename(group).startsWith("millrace-agent-") ? dirname(group) : group);
/** The groups of jobs below all groups that this process is, or was, in. */
const jobGroups = (): string[] =>
  mine.flatMap(({ dir: group }) =>
    readdirSync(baseOf(group))
      .filter((name) => name.startsWith("millrace-jobs-"))
      .map((name) => join(baseOf(group), name)),
  );

const ended = (child: ReturnType<typeof spawn>): Promise<[number | null, string | null]> =>
  new Promise((resolve) => child.once("exit", (code, signal) => resolve([code, signal])));

describe.skipIf(driver.kind === "none")(`control groups (${driver.kind})`, () => {
  it("are made below the agent's own and nowhere else", () => {
    expect([...driver.controls]).toEqual(["memory", "pids", "cpu"]);
    const memory = baseOf(mine.find(({ version, controllers }) => (driver.kind === "v2" ? version === 2 : controllers.includes("memory")))?.dir ?? "none");
    expect(jobGroups().some((group) => group.startsWith(`${memory}/millrace-jobs-`))).toBe(true);
    expect(driver.totalMemoryBytes).toBeGreaterThan(0);
  });

  it("hold a process from before it begins, bound it, and measure it", async () => {
    const group = driver.create();
    group.limit({ memoryBytes: 32 * 1024 * 1024, processes: 50, cpuMillis: 500 });
    // It waits for its input: nothing of it has run when it is placed.
    const child = spawn("/bin/sh", ["-c", "read -r line; head -c 100000000 /dev/zero | tail > /dev/null; echo over"], { stdio: ["pipe", "pipe", "ignore"] });
    await group.place(child.pid ?? -1);
    child.stdin?.end("go\n");
    await ended(child);
    const usage = group.usage();
    // Version 2 kills them all itself, and counts each.
    expect(usage.oomKills).toBeGreaterThanOrEqual(1);
    expect(usage.peakMemoryBytes).toBeGreaterThan(31 * 1024 * 1024);
    expect(usage.peakMemoryBytes).toBeLessThanOrEqual(32 * 1024 * 1024);
    expect(usage.cpuMs).toBeGreaterThan(0);
    group.remove();
  });

  it("bound the processes also of root, whom no other limit holds", async () => {
    const group = driver.create();
    group.limit({ processes: 20 });
    const script = "read -r line; n=0; while [ $n -lt 60 ] && sleep 300 & do n=$((n + 1)); done; wait";
    const child = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "pipe"] });
    await group.place(child.pid ?? -1);
    let complaint = "";
    child.stderr?.on("data", (data: Buffer) => {
      complaint += data.toString();
    });
    const closed = new Promise((resolve) => child.stderr?.once("close", resolve));
    child.stdin?.end("go\n");
    // The shell gives up when it cannot fork; those that it has started go on, with the pipe open.
    await ended(child);
    group.kill();
    await closed;
    expect(complaint).toContain("fork");
    group.remove();
  });

  it("are killed as a whole", async () => {
    const group = driver.create();
    const child = spawn("/bin/sh", ["-c", "read -r line; sleep 300 & sleep 300 & echo begun; wait"], { stdio: ["pipe", "pipe", "ignore"] });
    await group.place(child.pid ?? -1);
    child.stdin?.end("go\n");
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    // The pipe is held by all three.
    const closed = new Promise((resolve) => child.once("close", resolve));
    group.kill();
    expect(await ended(child)).toEqual([null, "SIGKILL"]);
    await closed;
    group.remove();
  });

  it("that are given up are killed: whoever is left in one has no job", async () => {
    const group = driver.create();
    const child = spawn("/bin/sleep", ["300"], { stdio: "ignore" });
    const exit = ended(child);
    await group.place(child.pid ?? -1);
    group.remove();
    expect(await exit).toEqual([null, "SIGKILL"]);
  });

  it("that are given up when the driver is closed leave the jobs of others alone, and all are gone with the last one", async () => {
    const own = mkdtempSync(join(tmpdir(), "millrace-cgroup-"));
    const before = new Set(jobGroups());
    const closing = await openCgroups(own);
    const made = jobGroups().filter((group) => !before.has(group));
    const [first, other] = [closing.create(), closing.create()];
    for (const group of [first, other]) group.limit({ processes: 50 });
    const left = spawn("/bin/sleep", ["300"], { stdio: "ignore" });
    await first.place(left.pid ?? -1);
    const running = spawn("/bin/sh", ["-c", "read -r line; /bin/true; exit $?"], { stdio: ["pipe", "ignore", "ignore"] });
    await other.place(running.pid ?? -1);
    closing.close();
    const exit = ended(left);
    first.remove();
    // It is killed in the same look that would find the group of all jobs occupied.
    expect(await exit).toEqual([null, "SIGKILL"]);
    const otherExit = ended(running);
    running.stdin?.end("go on\n");
    expect(await otherExit).toEqual([0, null]);
    other.remove();
    await expect.poll(() => made.filter((group) => existsSync(group))).toEqual([]);
    rmSync(own, { recursive: true, force: true });
  });

  it("of a run that was killed are swept by the next one, with the processes in them", async () => {
    const own = mkdtempSync(join(tmpdir(), "millrace-cgroup-"));
    const before = new Set(jobGroups());
    const first = await openCgroups(own);
    const made = jobGroups().filter((group) => !before.has(group));
    const child = spawn("/bin/sleep", ["300"], { stdio: "ignore" });
    await first.create().place(child.pid ?? -1);
    const exit = ended(child);
    const second = await openCgroups(own);
    expect(await exit).toEqual([null, "SIGKILL"]);
    expect(made.length).toBeGreaterThanOrEqual(driver.kind === "v1" ? 3 : 1);
    expect(made.flatMap((group) => readdirSync(group).filter((name) => /^\d+$/.test(name)))).toEqual([]);
    second.close();
    expect(made.filter((group) => existsSync(group))).toEqual([]);
    rmSync(own, { recursive: true, force: true });
  });
});
