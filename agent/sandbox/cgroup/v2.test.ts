/**
 * Paths, formats and order of the driver, on a folder that looks like the kernel's tree. It is not the kernel: what limits do is shown by
 * `kernel.test.ts` and the attacks; `on-version-2.sh` runs them where this driver is used.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { GroupFolders } from "./group-files.ts";
import { openV2 } from "./v2.ts";

const FILES = {
  "cgroup.procs": "",
  "cgroup.type": "domain\n",
  "cgroup.kill": "",
  "cgroup.controllers": "cpuset cpu io memory pids\n",
  "cgroup.subtree_control": "",
  "memory.max": "max\n",
  "memory.swap.max": "max\n",
  "memory.oom.group": "0\n",
  "memory.peak": "1234\n",
  "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 1\n",
  "pids.max": "max\n",
  "cpu.max": "max 100000\n",
  "cpu.weight": "100\n",
  "cpu.stat": "usage_usec 61234\nuser_usec 1\n",
};
const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** Does what the kernel does for a new folder. */
const folders: GroupFolders = {
  make: (dir) => {
    mkdirSync(dir);
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text);
  },
  remove: (dir) => {
    rmSync(dir, { recursive: true, force: true });
    return true;
  },
};

function tree(changes: Readonly<Record<string, string>> = {}): { dir: string; read: (name: string) => string } {
  const root = mkdtempSync(join(tmpdir(), "millrace-cgroup2-"));
  roots.push(root);
  const dir = join(root, "unit");
  folders.make(dir);
  for (const [name, text] of Object.entries(changes)) writeFileSync(join(dir, name), text);
  return { dir, read: (name) => readFileSync(join(dir, name), "utf8") };
}

const own = (dir: string) => ({ controllers: [], version: 2, dir }) as const;
const options = { folders, isFamily: (pid: number) => pid === 41 || pid === 42 };

test("moves the agent into a child, bounds all jobs, and each one by its own limits", async () => {
  const { dir, read } = tree({ "cgroup.procs": "41\n42\n" });
  const driver = await openV2(own(dir), "k", options);
  if (Array.isArray(driver)) throw new Error(driver.join());
  expect([...driver.controls]).toEqual(["memory", "pids", "cpu"]);
  // A plain file keeps the last write only; each order to the kernel is one.
  expect([read("millrace-agent-k/cgroup.procs"), read("cgroup.subtree_control")]).toEqual(["42", "+cpu"]);
  expect([read("millrace-jobs-k/cgroup.subtree_control"), read("millrace-jobs-k/cpu.weight").trim()]).toEqual(["+cpu", "50"]);
  expect(Number(read("millrace-jobs-k/memory.max"))).toBe(driver.totalMemoryBytes);
  const group = driver.create();
  await group.place(77);
  group.limit({ memoryBytes: 1_000_000, cpuMillis: 250, processes: 99 });
  const values = ["cgroup.procs", "memory.max", "memory.oom.group", "pids.max", "cpu.max"].map((name) => read(`millrace-jobs-k/1/${name}`).trim());
  expect(values).toEqual(["77", "1000000", "1", "99", "25000 100000"]);
  expect(group.usage()).toEqual({ peakMemoryBytes: 1234, cpuMs: 61, oomKills: 2 });
  group.kill();
  expect(read("millrace-jobs-k/1/cgroup.kill")).toBe("1");
  group.remove();
  driver.close();
  expect([existsSync(join(dir, "millrace-jobs-k")), existsSync(join(dir, "millrace-agent-k"))]).toEqual([false, true]);
});

test("sweeps what an earlier run left, and finds its place again from the child it was moved into", async () => {
  const { dir } = tree();
  folders.make(join(dir, "millrace-agent-k"));
  folders.make(join(dir, "millrace-jobs-k"));
  folders.make(join(dir, "millrace-jobs-k", "7"));
  const driver = await openV2(own(join(dir, "millrace-agent-k")), "k", options);
  expect(Array.isArray(driver)).toBe(false);
  expect([existsSync(join(dir, "millrace-jobs-k")), existsSync(join(dir, "millrace-jobs-k", "7"))]).toEqual([true, false]);
});

test("touches nothing where processes of others are in the group", async () => {
  const { dir } = tree({ "cgroup.procs": "41\n1000\n" });
  expect(await openV2(own(dir), "k", options)).toEqual([expect.stringContaining("1000")]);
  expect(existsSync(join(dir, "millrace-agent-k"))).toBe(false);
});

test("says what is not delegated", async () => {
  const { dir } = tree({ "cgroup.controllers": "cpu memory\n" });
  const driver = await openV2(own(dir), "k", options);
  if (Array.isArray(driver)) throw new Error(driver.join());
  expect([[...driver.controls], driver.reasons]).toEqual([["memory", "cpu"], [expect.stringContaining("pids")]]);
  expect(await openV2(own(tree({ "cgroup.controllers": "" }).dir), "k", options)).toEqual([expect.stringContaining("none is delegated")]);
});
