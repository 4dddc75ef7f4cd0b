import { readdirSync, readFileSync } from "node:fs";
import { pause } from "../load/monotonic.ts";

/** USER_HZ: the unit of /proc/<pid>/stat on every Linux that we know of. */
const TICKS_PER_S = 100;

export interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  readonly ownS: number;
  /** Of children that have ended and were waited for. */
  readonly endedChildrenS: number;
}

/** Reads a line of /proc/<pid>/stat; the name in brackets may hold spaces and brackets itself. */
export function parseStat(text: string): ProcessTimes {
  const pid = Number(text.slice(0, text.indexOf(" ")));
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const seconds = (first: number): number => (Number(fields[first]) + Number(fields[first + 1])) / TICKS_PER_S;
  return { pid, parent: Number(fields[1]), ownS: seconds(11), endedChildrenS: seconds(13) };
}

/** Processor seconds of a process and all below it, those that have ended included. */
export function treeSeconds(all: readonly ProcessTimes[], root: number): number {
  const children = new Map<number, ProcessTimes[]>();
  for (const one of all) children.set(one.parent, [...(children.get(one.parent) ?? []), one]);
  const sum = (one: ProcessTimes): number => one.ownS + one.endedChildrenS + (children.get(one.pid) ?? []).reduce((total, child) => total + sum(child), 0);
  return all.filter((one) => one.pid === root).reduce((total, one) => total + sum(one), 0);
}

/** Every process of the machine; those that end meanwhile are left out. */
export function readProcesses(): ProcessTimes[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [parseStat(readFileSync(`/proc/${name}/stat`, "utf8"))];
    } catch {
      return [];
    }
  });
}

const LOOK_MS = 100;
const CALM_LOOKS = 3;
const CALM_WITHIN_MS = 30_000;

/** Resolves when a process and all below it have done next to nothing for a while: what waits until nobody asks is done by then. Gives up after half a minute. */
export async function untilCalm(root: number): Promise<void> {
  const endsAtMs = performance.now() + CALM_WITHIN_MS;
  for (let [before, calm] = [treeSeconds(readProcesses(), root), 0]; calm < CALM_LOOKS && performance.now() < endsAtMs; ) {
    await pause(LOOK_MS);
    const now = treeSeconds(readProcesses(), root);
    calm = now - before <= 1 / TICKS_PER_S ? calm + 1 : 0;
    before = now;
  }
}
