import { type GroupFolders, groupsBelow, killGroup } from "./group-files.ts";

const CLOSE_MS = 1_000;
const CLOSE_STEP_MS = 2;
const WAIT_MS = 10;
const TRIES = 100;

/**
 * Removes what an earlier run of the agent left behind: the group of its jobs, with all groups in it and the processes in those.
 * @returns false when something could not be removed within a second
 */
export async function sweepGroup(dir: string, folders: GroupFolders): Promise<boolean> {
  for (let tried = 0; tried < TRIES; tried++) {
    const groups = [...groupsBelow(dir), dir];
    for (const group of groups) killGroup(group);
    if (groups.map((group) => folders.remove(group)).every((removed) => removed)) return true;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  return false;
}

/**
 * Removes groups at the end of a process, without giving others a turn: it may end right after. Waits a moment for what was just killed.
 * What still runs keeps its group.
 */
export function closeGroups(dirs: readonly string[], folders: GroupFolders): void {
  const untilMs = performance.now() + CLOSE_MS;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const left = dirs.filter((dir) => {
      for (const group of groupsBelow(dir)) folders.remove(group);
      return !folders.remove(dir);
    });
    if (left.length === 0 || performance.now() >= untilMs) return;
    Atomics.wait(pause, 0, 0, CLOSE_STEP_MS);
  }
}
