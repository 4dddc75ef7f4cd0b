import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectSandbox } from "./sandbox/detect.ts";
import { sweepJobsDir } from "./sandbox/job-dir.ts";
import type { Layer, SandboxLevel } from "./sandbox/layers.ts";
import { makeReachableDir } from "./sandbox/reachable.ts";

export interface DoctorReport {
  readonly level: SandboxLevel;
  readonly layers: readonly Layer[];
}

/**
 * Finds out what an agent of this user would find on this host, in the same way: throw-away sandboxes are made and looked at from inside, one
 * is made to use more memory than it may. Leaves nothing behind.
 */
export async function examineHost(bwrapPath?: string): Promise<DoctorReport> {
  const wished = mkdtempSync(join(tmpdir(), "millrace-doctor-"));
  const dir = makeReachableDir(wished);
  try {
    const jobsDir = join(dir, "jobs");
    await sweepJobsDir(jobsDir);
    const found = await detectSandbox({ mode: "required", stateDir: dir, jobsDir, ...(bwrapPath === undefined ? {} : { bwrapPath }) });
    found.sandbox?.close();
    found.close();
    return { level: found.level, layers: found.layers };
  } finally {
    for (const one of new Set([wished, dir])) rmSync(one, { recursive: true, force: true });
  }
}
