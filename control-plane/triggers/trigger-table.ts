import type { Clock } from "../../kernel/clock.ts";
import { FreshCache } from "../../kernel/fresh-cache.ts";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { SealedSecrets } from "../secrets/sealed-secrets.ts";
import { thingPath } from "../variables/contract.ts";
import { buildRoutes, type Match, matchRoute, parsePattern, type RouteTree } from "./route-pattern-core.ts";
import { findTrigger, listRoutes, type StoredTrigger } from "./trigger-store.ts";

/** A trigger, and the secrets that are good for it. */
export interface Armed {
  readonly trigger: StoredTrigger;
  readonly secrets: readonly string[];
}

/** What triggers there are, as calls need it. Another replica's change is seen within a second. */
export interface TriggerTable {
  webhook(workspace: WorkspaceId, path: string): Promise<Armed | undefined>;
  /** @param path decoded segments below the workspace */
  route(workspace: WorkspaceId, method: string, path: readonly string[]): Promise<{ armed: Armed; params: Readonly<Record<string, string>> } | undefined>;
  /** A trigger was changed here. */
  forget(workspace: WorkspaceId, path: string): void;
}

const MAX_AGE_MS = 1000;
const MAX_ENTRIES = 10_000;
const MAX_TREES = 1000;

type Trees = ReadonlyMap<string, RouteTree<string>>;

export function createTriggerTable(pool: Pool, secrets: SealedSecrets, clock: Clock): TriggerTable {
  const common = { maxAgeMs: MAX_AGE_MS, nowMs: () => clock.monotonicMs() };
  const armed = new FreshCache<Armed | undefined>({
    ...common,
    maxEntries: MAX_ENTRIES,
    load: async (key) => {
      const { workspace, path } = partsOf(key);
      const trigger = await findTrigger(pool, workspace, path);
      if (trigger === undefined) return undefined;
      return { trigger, secrets: trigger.settings.auth.kind === "none" ? [] : await secrets.open(workspace, `trigger:${path}`) };
    },
  });
  const trees = new FreshCache<Trees>({
    ...common,
    maxEntries: MAX_TREES,
    load: async (workspace) => treesOf(await listRoutes(pool, asWorkspaceId(workspace))),
  });

  return {
    async webhook(workspace, path) {
      const found = thingPath.safeParse(path).success ? await armed.get(keyOf(workspace, path)) : undefined;
      return found?.trigger.place.kind === "webhook" ? found : undefined;
    },
    async route(workspace, method, path) {
      const tree = (await trees.get(workspace)).get(method);
      const match: Match<string> | undefined = tree === undefined ? undefined : matchRoute(tree, path);
      if (match === undefined) return undefined;
      const found = await armed.get(keyOf(workspace, match.value));
      return found?.trigger.place.kind === "route" ? { armed: found, params: match.params } : undefined;
    },
    forget(workspace, path) {
      armed.delete(keyOf(workspace, path));
      trees.delete(workspace);
    },
  };
}

const keyOf = (workspace: WorkspaceId, path: string): string => `${workspace} ${path}`;

function partsOf(key: string): { workspace: WorkspaceId; path: string } {
  const at = key.indexOf(" ");
  return { workspace: asWorkspaceId(key.slice(0, at)), path: key.slice(at + 1) };
}

/** A tree for each method, with paths of triggers. */
function treesOf(routes: readonly StoredTrigger[]): Trees {
  const byMethod = new Map<string, { value: string; segments: Exclude<ReturnType<typeof parsePattern>, string> }[]>();
  for (const { path, place } of routes) {
    if (place.kind !== "route") continue;
    const segments = parsePattern(place.pattern);
    if (typeof segments === "string") continue;
    const known = byMethod.get(place.method) ?? [];
    known.push({ value: path, segments });
    byMethod.set(place.method, known);
  }
  return new Map([...byMethod].map(([method, entries]) => [method, buildRoutes(entries)]));
}
