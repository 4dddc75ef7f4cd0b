import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { ScriptCache } from "./script-cache.ts";
import { existingScripts, type ScriptVersion, similarPaths } from "./script-store.ts";

/** The newest version of a path. Errors: not_found, with paths that look like the one that was meant. */
export async function currentVersion(pool: Pool, cache: ScriptCache, workspace: WorkspaceId, path: string): Promise<ScriptVersion> {
  const version = await cache.current(workspace, path);
  if (version !== undefined) return version;
  const similar = await similarPaths(pool, workspace, path);
  throw new AppError("not_found", `there is no script at ${path}`, similar.length === 0 ? {} : { hint: `did you mean ${similar.join(" or ")}?` });
}

/** Those of some scripts that are not there: their path, or the version that they name. */
export async function missingScripts<Wanted extends { readonly path: string; readonly hash: string | undefined }>(
  pool: Pool,
  workspace: WorkspaceId,
  wanted: readonly Wanted[],
): Promise<readonly Wanted[]> {
  if (wanted.length === 0) return [];
  const { paths, versions } = await existingScripts(
    pool,
    workspace,
    [...new Set(wanted.map(({ path }) => path))],
    [...new Set(wanted.flatMap(({ hash }) => hash ?? []))],
  );
  return wanted.filter(({ path, hash }) => (hash === undefined ? !paths.has(path) : versions.get(hash) !== path));
}
