import { AsyncLocalStorage } from "node:async_hooks";
import type { WorkspaceId } from "../../kernel/ids.ts";

const storage = new AsyncLocalStorage<WorkspaceId>();

/** What `work` calls and waits for belongs to a request of one workspace: `Pools.console` sees rows of it alone. */
export function withinWorkspace(workspace: WorkspaceId, work: () => void): void {
  storage.run(workspace, work);
}

/** The workspace whose request this is; undefined outside of requests. */
export function requestWorkspace(): WorkspaceId | undefined {
  return storage.getStore();
}
