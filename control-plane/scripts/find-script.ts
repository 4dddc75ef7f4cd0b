import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, mayUse } from "../http/authorize.ts";
import { suggestionOf } from "../http/suggestion.ts";
import type { Archived } from "./archived.ts";
import { findCurrent, findStanding, similarPaths, type Versioned } from "./current-store.ts";
import type { ScriptCache } from "./script-cache.ts";
import { findSchemas, findVersion, type ScriptVersion } from "./script-store.ts";

/** The newest version of a path. Errors: not_found, with paths that look like the one that was meant; failed_precondition for an archived one. */
export async function currentVersion(pool: Pool, cache: ScriptCache, workspace: WorkspaceId, path: string): Promise<ScriptVersion> {
  const version = await cache.current(workspace, path);
  if (version !== undefined) return version;
  if ((await findCurrent(pool, "script", workspace, path))?.archived !== undefined) throw archivedError("script", path);
  throw await nothingOf("script", pool, workspace, path);
}

/** The same, past the cache, and of archived scripts as well: what the pool shows decides. */
export async function storedVersion(pool: Pool, workspace: WorkspaceId, path: string): Promise<{ version: ScriptVersion; archived: Archived | undefined }> {
  const current = await findCurrent(pool, "script", workspace, path);
  const version = current === undefined ? undefined : await findVersion(pool, workspace, current.hash);
  if (version === undefined) throw await nothingOf("script", pool, workspace, path);
  return { version, archived: current?.archived };
}

/** One version, for whoever may use its script where that is now: one of before a move has another path. Errors: not_found. */
export async function readableVersion(pool: Pool, caller: Pick<Caller, "workspace" | "reach">, hash: string): Promise<ScriptVersion> {
  const { id } = caller.workspace;
  const version = await findVersion(pool, id, hash);
  const standing = version === undefined ? undefined : await findStanding(pool, "script", id, version.scriptId);
  if (version === undefined || standing === undefined || !mayUse(caller, standing.path)) throw new AppError("not_found", `there is no script version ${hash}`);
  return version;
}

/** The same, past the database while it is known, to be run. Errors: also failed_precondition for one of an archived script. */
export async function runnableVersion(cache: ScriptCache, caller: Pick<Caller, "workspace" | "reach">, hash: string): Promise<ScriptVersion> {
  const { id } = caller.workspace;
  const version = await cache.loadVersion(id, hash);
  const standing = version === undefined ? undefined : await cache.standing(id, version.scriptId);
  if (version === undefined || standing === undefined || !mayUse(caller, standing.path)) throw new AppError("not_found", `there is no script version ${hash}`);
  if (standing.isArchived) throw archivedError("script", standing.path);
  return version;
}

/** What is said of a path where there is none. */
export async function nothingOf(kind: Versioned, pool: Pool, workspace: WorkspaceId, path: string): Promise<AppError> {
  const hint = await suggestPaths(kind, pool, workspace, path);
  return new AppError("not_found", `there is no ${kind} at ${path}`, hint === undefined ? {} : { hint });
}

/** Errors: failed_precondition for a version of an archived script. */
export async function refuseArchived(cache: ScriptCache, workspace: WorkspaceId, { scriptId }: ScriptVersion): Promise<void> {
  const standing = await cache.standing(workspace, scriptId);
  if (standing?.isArchived === true) throw archivedError("script", standing.path);
}

export function archivedError(kind: Versioned, path: string): AppError {
  return new AppError("failed_precondition", `the ${kind} ${path} is archived: it does not run`, { hint: "take it back from the archive, or deploy it again" });
}

/** See `suggestionOf`. */
export async function suggestPaths(kind: Versioned, pool: Pool, workspace: WorkspaceId, path: string): Promise<string | undefined> {
  return suggestionOf(await similarPaths(pool, kind, workspace, path));
}

/** Schemas of the arguments of some scripts, in their newest version or the one that is named; those that do not exist have none. */
export async function schemasOf<Wanted extends { readonly path: string; readonly hash: string | undefined }>(
  pool: Pool,
  workspace: WorkspaceId,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<Wanted, ScriptVersion["schema"]>> {
  if (wanted.length === 0) return new Map();
  const paths = new Set(wanted.map(({ path }) => path));
  const hashes = new Set(wanted.flatMap(({ hash }) => hash ?? []));
  const found = await findSchemas(pool, workspace, [...paths], [...hashes]);
  return new Map(
    wanted.flatMap((one) => {
      const schema = found.find(({ path, hash }) => path === one.path && hash === one.hash)?.schema;
      return schema === undefined ? [] : [[one, schema] as const];
    }),
  );
}
