import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { ScriptCache } from "./script-cache.ts";
import { type ScriptVersion, similarPaths } from "./script-store.ts";

/** The newest version of a path. Errors: not_found, with paths that look like the one that was meant. */
export async function currentVersion(pool: Pool, cache: ScriptCache, workspace: WorkspaceId, path: string): Promise<ScriptVersion> {
  const version = await cache.current(workspace, path);
  if (version !== undefined) return version;
  const similar = await similarPaths(pool, workspace, path);
  throw new AppError("not_found", `there is no script at ${path}`, similar.length === 0 ? {} : { hint: `did you mean ${similar.join(" or ")}?` });
}
