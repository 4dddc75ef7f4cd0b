import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, statSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes one value into a file of the kernel. One write call: the kernel takes each as an order of its own. Throws as the kernel says. */
export function writeValue(dir: string, name: string, value: string | number): void {
  // Never creates: a file that is missing is a missing ability, and not a plain file in a folder that is no group.
  const fd = openSync(join(dir, name), constants.O_WRONLY | constants.O_TRUNC);
  try {
    writeSync(fd, String(value));
  } finally {
    closeSync(fd);
  }
}

/** Moves a process into a group. See `JobCgroup.place`. */
export async function moveProcess(dir: string, pid: number): Promise<void> {
  await writeFile(join(dir, "cgroup.procs"), String(pid), { flag: constants.O_WRONLY | constants.O_TRUNC });
}

/** As `writeValue`; false when the kernel refuses or has no such file. */
export function tryWrite(dir: string, name: string, value: string | number): boolean {
  try {
    writeValue(dir, name, value);
    return true;
  } catch {
    return false;
  }
}

/** The text of a file of the kernel, trimmed; undefined when it cannot be read. */
export function readText(dir: string, name: string): string | undefined {
  try {
    return readFileSync(join(dir, name), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** A file that holds one whole number. `max` and what cannot be read are undefined. */
export function readNumber(dir: string, name: string): number | undefined {
  const text = readText(dir, name);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** One line of a file of `name value` lines. */
export function readField(dir: string, name: string, field: string): number | undefined {
  const line = readText(dir, name)
    ?.split("\n")
    .find((one) => one.startsWith(`${field} `));
  const value = line?.slice(field.length + 1);
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

export function hasFile(dir: string, name: string): boolean {
  return existsSync(join(dir, name));
}

/** How groups come and go. In tests of a tree that no kernel keeps the files have to be made too. */
export interface GroupFolders {
  /** @throws as the kernel says */
  make(dir: string): void;
  /** Removes an empty group; one that is missing is removed. @returns false when something is still in it */
  remove(dir: string): boolean;
}

export const KERNEL_FOLDERS: GroupFolders = { make: (dir) => mkdirSync(dir, { mode: 0o755 }), remove: removeGroup };

/** The numbers of the processes in a group itself. */
export function processesIn(dir: string): number[] {
  const text = readText(dir, "cgroup.procs") ?? "";
  return text === "" ? [] : text.split("\n").map(Number);
}

/** The groups directly below. */
export function groupsBelow(dir: string): string[] {
  try {
    return readdirSync(dir)
      .map((name) => join(dir, name))
      .filter((path) => statSync(path).isDirectory());
  } catch {
    return [];
  }
}

/** KILL to all in the group: at once where the kernel can, else one after the other until none is left or it was tried often enough. */
export function killGroup(dir: string): void {
  if (tryWrite(dir, "cgroup.kill", 1)) return;
  // Whoever starts others faster than they are killed cannot any more.
  tryWrite(dir, "pids.max", 0);
  for (let round = 0; round < 20; round++) {
    const pids = processesIn(dir);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has just ended.
      }
    }
  }
}

function removeGroup(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}
