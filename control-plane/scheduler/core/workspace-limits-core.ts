import type { WorkspaceId } from "../../../kernel/ids.ts";
import { releaseShares } from "./ready-core.ts";
import { type SchedulerState, tenantOf } from "./state-core.ts";

/** What a workspace is granted by the operator. */
export interface WorkspaceLimits {
  /** Its part of contended slots, relative to the others'; 1 unless set. */
  readonly weight: number;
  /** Most jobs that it may run at a time; undefined: any number. */
  readonly maxRunning: number | undefined;
}

/** Takes effect at once: for the next pick, and for what is charged from now on. Running jobs beyond a lowered cap go on. */
export function setWorkspaceLimits(state: SchedulerState, workspace: WorkspaceId, limits: WorkspaceLimits): void {
  const tenant = tenantOf(state, workspace);
  tenant.weight = limits.weight;
  tenant.maxRunning = limits.maxRunning;
  releaseShares(state, tenant);
}
