import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** One process, told apart from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/<pid>/stat, see proc(5)); "" where there is no /proc. */
  readonly startTime: string;
}

/** The identity of a running process, or undefined when there is none. A zombie has ended: it only waits for its parent. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The command name stands in parentheses and may hold anything, also spaces and parentheses.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const [state, startTime] = [fields[0], fields[19]];
      return state === "Z" || state === "X" || startTime === undefined ? undefined : { pid, startTime };
    } catch {
      return undefined;
    }
  }
  try {
    process.kill(pid, 0);
    return { pid, startTime: "" };
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM" ? { pid, startTime: "" } : undefined;
  }
}

/** True while exactly this process runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTime === identity.startTime;
}

/** The identity of this process. */
export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid) ?? { pid: process.pid, startTime: "" };
}

/** Pids of Postgres processes that work in this data folder (each one makes it its working directory). Empty where there is no /proc. */
export function postgresProcessesIn(dataFolder: string): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names.filter((name) => /^\d+$/.test(name) && worksIn(name, dataFolder)).map(Number);
}

function worksIn(pid: string, folder: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/cwd`) === folder && readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "postgres" && identityOf(Number(pid)) !== undefined
    );
  } catch {
    return false;
  }
}
