import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { isUuid } from "../../kernel/ids.ts";

/** The agent's own folder on disk, held by one process. */
export interface DataFolder {
  /** Stable over restarts: made once. */
  readonly agentId: string;
  /** How often an agent has started with this folder, this time included: a later start has a larger number, whatever the clock says. */
  readonly starts: number;
  /** Results and logs on their way; readable by the agent only. */
  readonly spoolDir: string;
  /** What running jobs need; their users may pass through but not list it. */
  readonly execDir: string;
  /** Gives the lock back. Idempotent. */
  release(): void;
}

/**
 * Creates what is missing and takes the lock. The folder itself is 0711, because the users of jobs must reach `exec/`.
 * Throws `failed_precondition` when another live process holds it, and when the disk is full. The lock is only good within one pid namespace:
 * two containers must not share a folder.
 */
export function openDataFolder(dataDir: string): DataFolder {
  const spoolDir = join(dataDir, "spool");
  const execDir = join(dataDir, "exec");
  for (const [path, mode] of [
    [dataDir, 0o711],
    [spoolDir, 0o700],
    [execDir, 0o711],
  ] as const) {
    try {
      makeFolders(path);
      chmodSync(path, mode);
    } catch (error) {
      throw new AppError("failed_precondition", `the agent's data folder "${path}" cannot be made or is not ours: ${messageOf(error)}`, {
        hint: "give the agent's user write access to it, or set MILLRACE_AGENT_DATA_DIR",
        cause: error,
      });
    }
  }
  let release: (() => void) | undefined;
  try {
    release = takeLock(join(dataDir, "agent.lock"));
    return { agentId: readAgentId(join(dataDir, "agent-id")), starts: countStart(join(dataDir, "starts")), spoolDir, execDir, release };
  } catch (error) {
    release?.();
    if (!isDiskFull(error)) throw error;
    throw new AppError("failed_precondition", `the disk of the agent's data folder "${dataDir}" is full`, {
      hint: "make room on it: results that the control plane has not seen yet are kept there, and are sent when the agent starts again",
      cause: error,
    });
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

/** Not by Node's `recursive` option: below /proc, where the parent is there and mkdir still says ENOENT, Node 24 tries for ever. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  mkdirSync(path, { mode: 0o711 });
}

function readAgentId(path: string): string {
  const known = readOrEmpty(path).trim();
  if (isUuid(known)) return known;
  const fresh = randomUUID();
  replaceFile(path, `${fresh}\n`);
  return fresh;
}

/** A count that cannot be read begins anew: the server lets such an agent in when it has not seen it for a minute. */
function countStart(path: string): number {
  const known = /^[0-9]{1,9}$/.exec(readOrEmpty(path).trim());
  const starts = Number(known?.[0] ?? 0) + 1;
  replaceFile(path, `${starts}\n`);
  return starts;
}

/** Written aside and renamed: a crash in between must not leave half of it. On disk when it returns. */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

const TAKE_ATTEMPTS = 5;

function takeLock(path: string): () => void {
  const mine = `${process.pid} ${startTimeOf(process.pid)} ${bootOf()} ${randomUUID()}\n`;
  const draft = `${path}.${process.pid}.${randomUUID()}`;
  try {
    writeFileSync(draft, mine, { mode: 0o600 });
    for (let attempt = 0; attempt < TAKE_ATTEMPTS; attempt++) {
      if (tryLink(draft, path)) return () => removeIfMine(path, mine);
      const holder = readOrEmpty(path);
      if (isAlive(holder)) {
        throw new AppError("failed_precondition", `another agent (pid ${holder.split(" ")[0]}) uses this data folder: ${path}`, {
          hint: "Give each agent its own MILLRACE_AGENT_DATA_DIR.",
        });
      }
      removeStale(path, holder);
    }
    throw new AppError("failed_precondition", `the lock ${path} cannot be taken`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Between reading a stale lock and removing it another starter may have taken it: what was moved aside is looked at again and put back. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // Somebody else removed it: try again.
  }
  if (readOrEmpty(aside) !== stale) tryLink(aside, path);
  unlinkSync(aside);
}

function removeIfMine(path: string, mine: string): void {
  if (readOrEmpty(path) === mine) unlinkSync(path);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** A pid alone is reused; with its start time and the boot it names one process. */
function isAlive(holder: string): boolean {
  const [pid, startTime, boot] = holder.trim().split(" ");
  if (pid === undefined || startTime === undefined || boot !== bootOf()) return false;
  return startTime !== "" && startTimeOf(Number(pid)) === startTime;
}

/** Field 22 of /proc/<pid>/stat (clock ticks since boot); the name in field 2 may hold spaces and brackets. Empty when there is no such process. */
function startTimeOf(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function bootOf(): string {
  return readOrEmpty("/proc/sys/kernel/random/boot_id").trim();
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
