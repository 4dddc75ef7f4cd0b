import type { Caller } from "../http/authorize.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";

/** In whose name a trigger starts jobs: its own. Jobs say so as `created_by`. */
export function triggerCaller(workspace: Workspace, path: string): Caller {
  return {
    principal: { kind: "workspace", tokenId: "", label: `trigger:${path}`, workspace: workspace.id, workspaceName: workspace.name },
    workspace,
    check: () => Promise.resolve(),
  };
}
