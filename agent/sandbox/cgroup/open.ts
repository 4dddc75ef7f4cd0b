import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type CgroupDriver, noCgroups } from "./cgroup.ts";
import { type OwnGroup, ownGroups } from "./hierarchy.ts";
import { openV1 } from "./v1.ts";
import { openV2 } from "./v2.ts";

/**
 * The best driver that works here. Removes the groups of an earlier run with the same folder.
 * @param stateDir of this agent alone: names its groups
 * @param wantedBytes what all jobs together may use; 0: as much as there is
 */
export async function openCgroups(stateDir: string, wantedBytes = 0): Promise<CgroupDriver> {
  const own = readOwn();
  if (typeof own === "string") return noCgroups([own]);
  const key = groupKeyOf(stateDir);
  const unified = own.find((group) => group.version === 2);
  const hasV1 = own.some((group) => group.controllers.includes("memory") || group.controllers.includes("pids"));
  const opened = hasV1
    ? await openV1(own, key, { wantedBytes })
    : unified === undefined
      ? ["control groups: none are mounted"]
      : await openV2(unified, key, { wantedBytes });
  return Array.isArray(opened) ? noCgroups(opened) : opened;
}

/** What the groups of an agent are named by. */
export function groupKeyOf(stateDir: string): string {
  return createHash("sha256").update(stateDir).digest("hex").slice(0, 12);
}

function readOwn(): OwnGroup[] | string {
  try {
    return ownGroups(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return "control groups: this kernel has none";
  }
}
