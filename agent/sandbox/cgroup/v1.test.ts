/** What the driver reads and writes, on a folder that looks like the kernel's tree; what limits do is shown by `kernel.test.ts` and the attacks. */
import fs, { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { GroupFolders } from "./group-files.ts";
import { openV1 } from "./v1.ts";

const FILES = {
  "cgroup.procs": "",
  "memory.limit_in_bytes": "-1",
  "memory.max_usage_in_bytes": "1234\n",
  "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
  "pids.max": "max\n",
  "cpu.cfs_quota_us": "-1",
  "cpu.cfs_period_us": "100000",
  "cpuacct.usage": "61234567\n",
};
const root = mkdtempSync(join(tmpdir(), "millrace-cgroup1-"));
const real = fs.readFileSync;
afterEach(() => {
  Object.assign(fs, { readFileSync: real });
  syncBuiltinESMExports();
  rmSync(root, { recursive: true, force: true });
});

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

/** The names of the files that are read from now on. */
function recordReads(): string[] {
  const reads: string[] = [];
  const recorded = (...all: Parameters<typeof real>): ReturnType<typeof real> => {
    reads.push(basename(String(all[0])));
    return real(...all);
  };
  Object.assign(fs, { readFileSync: recorded });
  syncBuiltinESMExports();
  return reads;
}

test("looks at running jobs often, and then reads nothing but whether a process of them was killed for its memory", async () => {
  const dir = join(root, "unit");
  folders.make(dir);
  const driver = await openV1([{ controllers: ["memory", "pids", "cpu", "cpuacct"], version: 1, dir }], "k", { folders });
  if (Array.isArray(driver)) throw new Error(driver.join());
  const [group, other] = [driver.create(), driver.create()];
  expect(group.usage()).toEqual({ peakMemoryBytes: 1234, cpuMs: 61, oomKills: 0 });
  const reads = recordReads();
  for (const one of [group, other]) one.limit({ processes: 99 });
  await expect.poll(() => reads.length).toBeGreaterThanOrEqual(4);
  expect(new Set(reads)).toEqual(new Set(["memory.oom_control"]));
  const fileOf = (name: string): string => join(dir, "millrace-jobs-k", "1", name);
  writeFileSync(fileOf("memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  // Nobody of it can start a process any more: it is being killed.
  await expect.poll(() => readFileSync(fileOf("pids.max"), "utf8").trim()).toMatch(/^0/);
  expect(readFileSync(join(dir, "millrace-jobs-k", "2", "pids.max"), "utf8")).toMatch(/^99/);
  for (const one of [group, other]) one.remove();
  driver.close();
});
