import { chmodSync } from "node:fs";
import type { Clock } from "../../kernel/clock.ts";
import { emptyJobDir, leaveJobDir, makeJobDir, removeFlatJobDir } from "./job-dir.ts";

/** A burst of ends leaves about as many. */
const MOST_FREE = 64;
const FREE_FOR_MS = 60_000;

interface FreeDir {
  readonly dir: string;
  readonly sinceMs: number;
}

/**
 * The folders of an agent's jobs, each used again and again. Removing a folder gives a block back to the disk, and there are disks that want to be told at
 * once: ext4 mounted with `discard` waits for that, and the agent with it, just when the next step of a flow is about to come.
 *
 * Invariants: a folder is with one job at most. One that is free is empty, and closed to all but the agent. None is free before `keep`, after `close`, or
 * for longer than two minutes.
 */
export class JobDirs {
  readonly #jobsDir: string;
  readonly #clock: Clock;
  #keeps = false;
  /** The one that has been free the longest first; the last one is taken. */
  #free: FreeDir[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param jobsDir see `sweepJobsDir` */
  constructor(jobsDir: string, clock: Clock) {
    this.#jobsDir = jobsDir;
    this.#clock = clock;
  }

  /** From now on those that are given back are kept for others. */
  keep(): void {
    this.#keeps = true;
  }

  /** An empty folder that nobody but the agent can enter yet. @throws as the file system says */
  take(): string {
    return this.#free.pop()?.dir ?? makeJobDir(this.#jobsDir);
  }

  /** Only when no process is left that could see it, and nobody but the agent has written there. What cannot be emptied now is left to the sweeps. */
  giveBack(dir: string): void {
    try {
      if (!this.#keeps || this.#free.length >= MOST_FREE) {
        removeFlatJobDir(dir);
        return;
      }
      emptyJobDir(dir);
      chmodSync(dir, 0o700);
    } catch {
      leaveJobDir(dir);
      return;
    }
    this.#free.push({ dir, sinceMs: this.#clock.monotonicMs() });
    this.#timer ??= setTimeout(() => this.#trim(), FREE_FOR_MS).unref();
  }

  /** Removes one that is not to be used again, for instance because processes may still be in it. */
  remove(dir: string): void {
    try {
      removeFlatJobDir(dir);
    } catch {
      leaveJobDir(dir);
    }
  }

  /** Removes those that are free, and from now on all that are given back. Idempotent. */
  close(): void {
    this.#keeps = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { dir } of this.#free.splice(0)) this.remove(dir);
  }

  #trim(): void {
    const nowMs = this.#clock.monotonicMs();
    const fresh = this.#free.findIndex(({ sinceMs }) => nowMs - sinceMs < FREE_FOR_MS);
    for (const { dir } of this.#free.splice(0, fresh === -1 ? this.#free.length : fresh)) this.remove(dir);
    this.#timer = this.#free.length === 0 ? undefined : setTimeout(() => this.#trim(), FREE_FOR_MS).unref();
  }
}
