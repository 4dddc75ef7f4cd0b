import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";

/** Does the work of a request that stays open. Errors: resource_exhausted when too many of the workspace are; those of the work. */
type Hold = <T>(workspace: WorkspaceId, work: () => Promise<T>) => Promise<T>;

/** Counts open requests of each workspace, on this replica. @param refusal said to those beyond `most` @param retryAfterS seconds */
export function createOpenRequests(most: number, refusal: string, retryAfterS: number): Hold {
  const open = new Map<WorkspaceId, number>();
  return async (workspace, work) => {
    const count = open.get(workspace) ?? 0;
    if (count >= most) throw new AppError("resource_exhausted", refusal, { retryAfterS });
    open.set(workspace, count + 1);
    try {
      return await work();
    } finally {
      const left = (open.get(workspace) ?? 1) - 1;
      if (left > 0) open.set(workspace, left);
      else open.delete(workspace);
    }
  };
}
