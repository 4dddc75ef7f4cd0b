import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../kernel/app-error.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";

/** Who supervises a data folder, and for whom. */
export interface LockHolder {
  readonly supervisor: ProcessIdentity;
  readonly parent: ProcessIdentity;
}

const WAIT_MS = 90_000;
const POLL_MS = 50;

/**
 * Takes the lock of a data folder. A supervisor whose control plane is gone is about to stop: we wait for it. Postgres guards its
 * data against two servers by itself; this lock exists for a clear message and for an orderly hand-over.
 * @returns a function that gives the lock back
 * @throws AppError failed_precondition when another control plane uses the folder
 */
export async function takeLock(lockFile: string, dataFolder: string, own: LockHolder, signal: AbortSignal): Promise<() => void> {
  const mine = JSON.stringify(own);
  const draft = `${lockFile}.${own.supervisor.pid}`;
  const deadlineMs = performance.now() + WAIT_MS;
  for (;;) {
    if (place(draft, lockFile, mine)) return () => release(lockFile, mine);
    const holder = readHolder(lockFile);
    if (holder !== undefined && isAlive(holder.supervisor)) {
      if (isAlive(holder.parent)) {
        throw new AppError("failed_precondition", `the data folder "${dataFolder}" is in use by process ${holder.parent.pid}`, {
          hint: "Stop that process first, or set MILLRACE_STATE_DIR to another folder.",
        });
      }
      signal.throwIfAborted();
      if (performance.now() > deadlineMs)
        throw new AppError("unavailable", `process ${holder.supervisor.pid} still stops the database in "${dataFolder}"`, {
          hint: "Wait for it to end, then start again.",
        });
      await sleep(POLL_MS);
      continue;
    }
    removeStale(lockFile, holder, draft);
  }
}

/** A hard link appears whole or not at all, and only if the name is free. */
function place(draft: string, lockFile: string, content: string): boolean {
  writeFileSync(draft, content);
  try {
    linkSync(draft, lockFile);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Between our reading and our renaming somebody else may have replaced the stale lock: then what we moved is put back. */
function removeStale(lockFile: string, stale: LockHolder | undefined, draft: string): void {
  const aside = `${draft}.stale`;
  try {
    renameSync(lockFile, aside);
    const moved = readHolder(aside);
    if (moved !== undefined && moved.supervisor.pid !== stale?.supervisor.pid) linkSync(aside, lockFile);
  } catch {
    // Gone, or replaced again: the next round looks afresh.
  } finally {
    rmSync(aside, { force: true });
  }
}

function release(lockFile: string, mine: string): void {
  try {
    if (readFileSync(lockFile, "utf8") === mine) rmSync(lockFile, { force: true });
  } catch {
    // The whole folder may be gone by now.
  }
}

function readHolder(path: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || !("supervisor" in value) || !("parent" in value)) return undefined;
    const [supervisor, parent] = [readIdentity(value.supervisor), readIdentity(value.parent)];
    return supervisor === undefined || parent === undefined ? undefined : { supervisor, parent };
  } catch {
    return undefined;
  }
}

function readIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== "object" || value === null || !("pid" in value) || !("startTime" in value)) return undefined;
  return typeof value.pid === "number" && typeof value.startTime === "string" ? { pid: value.pid, startTime: value.startTime } : undefined;
}
