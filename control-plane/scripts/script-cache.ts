import { FreshCache } from "../../kernel/fresh-cache.ts";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Standing } from "./archived.ts";
import { createCurrentHashes } from "./current-hashes.ts";
import { findStanding } from "./current-store.ts";
import { findVersion, type ScriptVersion } from "./script-store.ts";

/**
 * Versions by hash, which never change once their lock is known, and the current version of a path. What may change is looked up again after a
 * second. All are bounded by dropping the oldest entries.
 */
export interface ScriptCache {
  version(workspace: WorkspaceId, hash: string): ScriptVersion | undefined;
  loadVersion(workspace: WorkspaceId, hash: string): Promise<ScriptVersion | undefined>;
  /** The newest version of a path; a deploy through this replica shows at once, through another within a second. */
  current(workspace: WorkspaceId, path: string): Promise<ScriptVersion | undefined>;
  /** Where a script is, and whether it is archived, by its number: for those that run a version by its hash. */
  standing(workspace: WorkspaceId, scriptId: string): Promise<Standing | undefined>;
  /** Forgets which version of a path is current, what is known of the lock of this one, and whether the script is archived. */
  changed(workspace: WorkspaceId, path: string, hash: string, scriptId?: string): void;
}

const MAX_VERSIONS = 5000;
const MAX_SCRIPTS = 20_000;
const CURRENT_MS = 1000;

export function createScriptCache(pool: Pool, nowMs: () => number): ScriptCache {
  const versions = new Map<string, Known>();
  const hashes = createCurrentHashes(pool, "script", nowMs);
  /** By workspace and number of the script. */
  const standing = new FreshCache<Standing | undefined>({
    maxAgeMs: CURRENT_MS,
    maxEntries: MAX_SCRIPTS,
    nowMs,
    load(key) {
      const [workspace = "", scriptId = ""] = key.split("/");
      return findStanding(pool, "script", asWorkspaceId(workspace), scriptId);
    },
  });

  async function loadVersion(workspace: WorkspaceId, hash: string): Promise<ScriptVersion | undefined> {
    const key = `${workspace}/${hash}`;
    const known = fresh(versions.get(key));
    const version = known ?? (await findVersion(pool, workspace, hash));
    if (version !== undefined && known === undefined)
      remember(versions, key, { version, untilMs: isFinal(version) ? undefined : nowMs() + CURRENT_MS }, MAX_VERSIONS);
    return version;
  }

  function fresh(known: Known | undefined): ScriptVersion | undefined {
    return known === undefined || (known.untilMs !== undefined && nowMs() >= known.untilMs) ? undefined : known.version;
  }

  return {
    version: (workspace, hash) => fresh(versions.get(`${workspace}/${hash}`)),
    loadVersion,
    async current(workspace, path) {
      const hash = await hashes.get(workspace, path);
      return hash === undefined ? undefined : loadVersion(workspace, hash);
    },
    standing: (workspace, scriptId) => standing.get(`${workspace}/${scriptId}`),
    changed(workspace, path, hash, scriptId) {
      if (scriptId !== undefined) standing.delete(`${workspace}/${scriptId}`);
      hashes.forget(workspace, path);
      versions.delete(`${workspace}/${hash}`);
    },
  };
}

interface Known {
  readonly version: ScriptVersion;
  /** Monotonic; undefined: for ever. */
  readonly untilMs: number | undefined;
}

/** A lock that is ready stays as it is; one that failed may be asked for again. */
function isFinal({ lock }: ScriptVersion): boolean {
  return lock.state === "ready" || lock.state === "none";
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.size > max ? map.keys().next() : undefined;
  if (oldest?.done === false) map.delete(oldest.value);
}
