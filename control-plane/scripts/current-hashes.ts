import { FreshCache } from "../../kernel/fresh-cache.ts";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { findCurrent, type Versioned } from "./current-store.ts";

/** Which version of a path is in use. A change through this replica shows at once when it is forgotten, through another within a second. */
export interface CurrentHashes {
  /** Undefined: there is none in use. */
  get(workspace: WorkspaceId, path: string): Promise<string | undefined>;
  forget(workspace: WorkspaceId, path: string): void;
}

const MAX_PATHS = 20_000;
const CURRENT_MS = 1000;

export function createCurrentHashes(pool: Pool, kind: Versioned, nowMs: () => number): CurrentHashes {
  const hashes = new FreshCache<string | undefined>({
    maxAgeMs: CURRENT_MS,
    maxEntries: MAX_PATHS,
    nowMs,
    async load(key) {
      const [workspace = "", ...path] = key.split("/");
      const found = await findCurrent(pool, kind, asWorkspaceId(workspace), path.join("/"));
      return found?.archived === undefined ? found?.hash : undefined;
    },
  });
  const forget = (workspace: WorkspaceId, path: string): void => hashes.delete(`${workspace}/${path}`);
  return {
    async get(workspace, path) {
      const hash = await hashes.get(`${workspace}/${path}`);
      // What is not there may be deployed through another replica at any moment.
      if (hash === undefined) forget(workspace, path);
      return hash;
    },
    forget,
  };
}
