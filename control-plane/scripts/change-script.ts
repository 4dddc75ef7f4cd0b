import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Current } from "./current-store.ts";
import { type Archiving, archive, type Move, type Moved, relocate } from "./path-changes.ts";
import type { ScriptCache } from "./script-cache.ts";
import { moveScript } from "./script-moves-store.ts";

/** Archives a script, or takes one back. @returns undefined when there is none like that, or not with the expected version */
export async function archiveScript(pool: Pool, cache: ScriptCache, workspace: WorkspaceId, archiving: Archiving): Promise<Current | undefined> {
  const changed = await archive(pool, "script", workspace, archiving);
  if (changed !== undefined) cache.changed(workspace, archiving.path, changed.hash, changed.id);
  return changed;
}

/** Gives a script another path. @param id its number */
export async function relocateScript(pool: Pool, cache: ScriptCache, workspace: WorkspaceId, id: string, move: Move): Promise<Moved> {
  const outcome = await relocate(pool, "script", workspace, move, (client) => moveScript(client, workspace, move));
  cache.changed(workspace, move.from, move.hash, id);
  cache.changed(workspace, move.to, move.newHash);
  return outcome;
}
