import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import type { LaunchFile } from "../runtimes/runtime.ts";
import type { JobIdentity } from "../sandbox/job-uids.ts";
import { OWN_TMP } from "../sandbox/unsandboxed.ts";

const PREFIX = "job-";
const FILE_NAME = /^[a-z][a-z0-9.-]{0,63}$/;

/** An empty folder with a name that cannot be guessed; nobody but the agent can enter it yet. */
export function makeJobDir(jobsDir: string): string {
  return mkdtempSync(join(jobsDir, PREFIX));
}

/**
 * Fills a job folder. It belongs to the agent; the job's group may read it and nobody may write, so that a job can neither
 * change its files nor their permissions. Written without waiting in between: it is a few kilobytes per job.
 */
export function fillJobDir(dir: string, files: readonly LaunchFile[], identity: JobIdentity): void {
  for (const { name, content } of files) {
    if (!FILE_NAME.test(name)) throw new AppError("internal", `${JSON.stringify(name)} is not a name for a job file`);
    const path = join(dir, name);
    writeFileSync(path, content, { flag: "wx" });
    // Whatever the agent's umask is: the folder keeps others out.
    chmodSync(path, 0o644);
  }
  if (identity.own) {
    mkdirSync(join(dir, OWN_TMP), { mode: 0o700 });
    return;
  }
  chownSync(dir, -1, identity.gid);
  chmodSync(dir, 0o750);
}

/** Removes a job folder with all that is in it; links are removed, never followed. */
export async function removeJobDir(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true, maxRetries: 2 });
}

/**
 * Removes the folders of jobs that an earlier run of the agent left behind. To be called at start, before the first job.
 * @returns how many were removed
 */
export async function sweepJobsDir(jobsDir: string): Promise<number> {
  mkdirSync(jobsDir, { recursive: true, mode: 0o711 });
  const left = readdirSync(jobsDir).filter((name) => name.startsWith(PREFIX));
  for (const name of left) await removeJobDir(join(jobsDir, name));
  return left.length;
}
