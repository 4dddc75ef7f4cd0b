import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Current } from "../scripts/current-store.ts";
import { type Archiving, archive, type Move, type Moved, relocate } from "../scripts/path-changes.ts";
import type { FlowDeployer } from "./deploy.ts";
import { moveFlow } from "./flow-store.ts";

type Parts = Pick<FlowDeployer, "pool" | "cache">;

/** Archives a flow, or takes one back. @returns undefined when there is none like that, or not with the expected version */
export async function archiveFlow({ pool, cache }: Parts, workspace: WorkspaceId, archiving: Archiving): Promise<Current | undefined> {
  const changed = await archive(pool, "flow", workspace, archiving);
  if (changed !== undefined) cache.changed(workspace, archiving.path);
  return changed;
}

/** Gives a flow another path. */
export async function relocateFlow({ pool, cache }: Parts, workspace: WorkspaceId, move: Move): Promise<Moved> {
  const outcome = await relocate(pool, "flow", workspace, move, (client) => moveFlow(client, workspace, move));
  for (const path of [move.from, move.to]) cache.changed(workspace, path);
  return outcome;
}
