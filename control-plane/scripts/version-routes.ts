import type { FastifyInstance } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { addChangeRoutes } from "./change-routes.ts";
import { archiveScript, relocateScript } from "./change-script.ts";
import { scriptVersionPage, scriptView } from "./contract.ts";
import { givenLock, hashOfVersion, presentScript } from "./deploy.ts";
import type { ScriptLocks } from "./locks.ts";
import type { ScriptCache } from "./script-cache.ts";
import { listScriptVersions } from "./script-moves-store.ts";
import type { ScriptVersion } from "./script-store.ts";

/** What happens to a script over time: its versions, the archive, another path. */
export function addScriptVersionRoutes(root: FastifyInstance, pool: Pool, cache: ScriptCache, locks: ScriptLocks): void {
  addChangeRoutes(root, {
    pool,
    kind: "script",
    view: scriptView,
    versionPage: scriptVersionPage,
    words: {
      versions: "All versions of a path, the newest first, without their code",
      archive: "It keeps its versions and the history of its jobs, is not listed and does not run any more. Jobs that there are already go on.",
      move: "Its versions and the history of its jobs go along. What refers to the old path is left as it is; so is its state. The path is part of a version's hash: the current one gets a new one.",
    },
    async versions(workspace, { id, archived }, page) {
      const found = await listScriptVersions(pool, workspace, id, page);
      return found.map((version) => ({ hash: version.hash, view: presentScript(version, archived) }));
    },
    show: async (workspace, hash, archived) => presentScript(await loaded(cache, workspace, hash), archived),
    archive: (workspace, archiving) => archiveScript(pool, cache, workspace, archiving),
    async move(workspace, { hash, id }, { from, to }, by) {
      const before = await loaded(cache, workspace, hash);
      const newHash = hashOfVersion(before, to, givenLock(before));
      const outcome = await relocateScript(pool, cache, workspace, id, { from, to, hash, newHash, by });
      if (outcome !== "moved") return outcome;
      if ((await loaded(cache, workspace, newHash)).lock.state === "pending") locks.look(workspace, newHash);
      return { hash: newHash };
    },
  });
}

async function loaded(cache: ScriptCache, workspace: WorkspaceId, hash: string): Promise<ScriptVersion> {
  const version = await cache.loadVersion(workspace, hash);
  if (version === undefined) throw new AppError("internal", "the current version of a script is not there");
  return version;
}
