import { madeBy } from "../access/acting-for.ts";
import type { Caller } from "../http/authorize.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import type { StoredTrigger } from "./trigger-store.ts";

/** In whose name a trigger starts jobs: its own, for the account that wrote it last. Jobs say so as `created_by`. */
export function triggerCaller(workspace: Workspace, { path, updatedBy }: Pick<StoredTrigger, "path" | "updatedBy">): Caller {
  const label = madeBy(`trigger:${path}`, updatedBy);
  return {
    principal: { kind: "workspace", tokenId: "", label, workspace: workspace.id, workspaceName: workspace.name },
    workspace,
    check: () => Promise.resolve(),
  };
}
