import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { findCurrent } from "../scripts/current-store.ts";
import { archivedError, nothingOf } from "../scripts/find-script.ts";
import type { FlowCache, LoadedFlow } from "./flow-cache.ts";

/** The newest version of a path. Errors: not_found, with paths that look like the one that was meant; failed_precondition for an archived one. */
export async function currentFlow(pool: Pool, cache: FlowCache, workspace: WorkspaceId, path: string): Promise<LoadedFlow> {
  const flow = await cache.current(workspace, path);
  if (flow !== undefined) return flow;
  if ((await findCurrent(pool, "flow", workspace, path))?.archived !== undefined) throw archivedError("flow", path);
  throw await nothingOf("flow", pool, workspace, path);
}

/** Said of a version that there is not, and of one that the caller has no access to. */
export function noFlowVersion(hash: string): AppError {
  return new AppError("not_found", `there is no flow version ${hash}`);
}
