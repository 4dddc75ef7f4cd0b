import { expect, test } from "vitest";
import { ownGroups } from "./hierarchy.ts";

test("finds the own group in each hierarchy of version 1 and in the unified one beside them", () => {
  const mounts = [
    "30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755",
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct",
    "32 30 0:28 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory",
    "33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
    "34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
  ].join("\n");
  expect(ownGroups("9:name=systemd:/x\n4:memory:/mine/here\n1:cpu,cpuacct:/\n7:pids:/\n0::/\n", mounts)).toEqual([
    { controllers: ["memory"], version: 1, dir: "/sys/fs/cgroup/memory/mine/here" },
    { controllers: ["cpu", "cpuacct"], version: 1, dir: "/sys/fs/cgroup/cpu,cpuacct" },
    { controllers: [], version: 2, dir: "/sys/fs/cgroup/unified" },
  ]);
});

test("understands a mount that begins at the group of the container, and blanks in names", () => {
  const mounts = "40 30 0:30 /docker/ab /sys/fs/my\\040cgroup ro - cgroup2 cgroup rw";
  expect(ownGroups("0::/docker/ab/agent", mounts)).toEqual([{ controllers: [], version: 2, dir: "/sys/fs/my cgroup/agent" }]);
  expect(ownGroups("0::/docker/abc", mounts)).toEqual([]);
  expect(ownGroups("0::/../other", mounts.replace("/docker/ab", "/"))).toEqual([]);
});

test("has nothing where nothing is mounted", () => {
  expect(ownGroups("0::/\n", "22 1 0:20 / /proc rw - proc proc rw\n\n")).toEqual([]);
});
