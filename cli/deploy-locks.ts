import type { JobView } from "../control-plane/jobs/contract.ts";
import type { ScriptView } from "../control-plane/scripts/contract.ts";
import type { ApiClient } from "./api-client.ts";
import type { DeployedFile } from "./deploy.ts";

/** What became of the dependencies of a deployed version. */
export interface LockedFile {
  readonly file: DeployedFile;
  /** waiting: no agent that could find them out is connected; they will be found when one is. */
  readonly state: "ready" | "failed" | "waiting";
  readonly job?: string;
  /** Why it failed, or what it waits for. */
  readonly reason?: string;
}

export interface LockFollower {
  /** Once for each file, when its dependencies are known. */
  onEnd(file: LockedFile): void;
  /** Now and then: how many are not known yet. */
  onProgress(left: number): void;
  /** Pauses between two looks. */
  pause(): Promise<void>;
}

/** Wait reasons that nothing here will change soon: the deploy does not wait for them. */
const NOBODY: ReadonlySet<string> = new Set(["no_agent", "no_runtime", "agents_draining"]);

/** Waits until the dependencies of all deployed files are known or cannot be found out at the moment. Errors: those of the API. */
export async function followLocks(client: ApiClient, files: readonly DeployedFile[], follower: LockFollower): Promise<LockedFile[]> {
  let left = files.filter((file) => file.hash !== undefined && file.lock === "pending");
  const ended: LockedFile[] = [];
  while (left.length > 0) {
    const still: DeployedFile[] = [];
    for (const file of left) {
      const locked = await look(client, file);
      if (locked === undefined) still.push(file);
      else {
        ended.push(locked);
        follower.onEnd(locked);
      }
    }
    left = still;
    follower.onProgress(left.length);
    if (left.length > 0) await follower.pause();
  }
  return ended;
}

/** Undefined while it is not known. */
async function look(client: ApiClient, file: DeployedFile): Promise<LockedFile | undefined> {
  const script: ScriptView = await client.script(file.hash ?? "");
  const { lock_state: state, lock_job: job, lock_error: error } = script;
  const named = job === undefined ? { file } : { file, job };
  if (state === "ready" || state === "none") return { ...named, state: "ready" };
  if (state === "failed") return { ...named, state, reason: error ?? "it is not known why" };
  if (job === undefined) return undefined;
  const view: JobView = await client.job(job);
  const isHopeless = view.status === "queued" && NOBODY.has(view.wait_detail?.code ?? "");
  return isHopeless ? { ...named, state: "waiting", ...(view.wait_reason !== undefined && { reason: view.wait_reason }) } : undefined;
}
