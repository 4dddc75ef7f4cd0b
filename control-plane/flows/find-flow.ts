import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { archivedError } from "../scripts/find-script.ts";
import type { FlowCache, LoadedFlow } from "./flow-cache.ts";
import { findAnyFlow, similarFlows } from "./flow-store.ts";

/** The newest version of a path. Errors: not_found, with paths that look like the one that was meant; failed_precondition for an archived one. */
export async function currentFlow(pool: Pool, cache: FlowCache, workspace: WorkspaceId, path: string): Promise<LoadedFlow> {
  const flow = await cache.current(workspace, path);
  if (flow !== undefined) return flow;
  if ((await findAnyFlow(pool, workspace, path))?.archived !== undefined) throw archivedError("flow", path);
  const hint = await suggestFlows(pool, workspace, path);
  throw new AppError("not_found", `there is no flow at ${path}`, hint === undefined ? {} : { hint });
}

/** Said of a version that there is not, and of one that the caller has no access to. */
export function noFlowVersion(hash: string): AppError {
  return new AppError("not_found", `there is no flow version ${hash}`);
}

/** A question with paths that look like one that does not exist; undefined when there are none. */
export async function suggestFlows(pool: Pool, workspace: WorkspaceId, path: string): Promise<string | undefined> {
  const similar = await similarFlows(pool, workspace, path);
  return similar.length === 0 ? undefined : `did you mean ${similar.join(" or ")}?`;
}
