import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { createCurrentHashes } from "../scripts/current-hashes.ts";
import { storedDocument } from "./document-codec.ts";
import { type FlowOutline, findFlowVersion } from "./flow-store.ts";
import { type ParsedFlow, parseFlow } from "./parse.ts";

/** A version as it runs. Its document is not kept. */
export interface LoadedFlow extends FlowOutline, Omit<ParsedFlow, "summary"> {}

/** Parsed versions by hash, which never change, and the current version of a path, which is looked up again after a second. */
export interface FlowCache {
  /** What is at hand; undefined for one that has to be loaded. */
  version(workspace: WorkspaceId, hash: string): LoadedFlow | undefined;
  loadVersion(workspace: WorkspaceId, hash: string): Promise<LoadedFlow | undefined>;
  /** The newest version of a path; a deploy through this replica shows at once, through another within a second. */
  current(workspace: WorkspaceId, path: string): Promise<LoadedFlow | undefined>;
  /** Forgets which version of a path is current. */
  changed(workspace: WorkspaceId, path: string): void;
}

/** Of documents whose definitions are kept, as characters of JSON. */
const MAX_CHARS = 32 * 1024 * 1024;

export function createFlowCache(pool: Pool, nowMs: () => number, maxChars = MAX_CHARS): FlowCache {
  /** The one that was used longest ago first. */
  const versions = new Map<string, { readonly flow: LoadedFlow; readonly chars: number }>();
  let chars = 0;
  const hashes = createCurrentHashes(pool, "flow", nowMs);

  function version(workspace: WorkspaceId, hash: string): LoadedFlow | undefined {
    const key = `${workspace}/${hash}`;
    const known = versions.get(key);
    if (known === undefined) return undefined;
    versions.delete(key);
    versions.set(key, known);
    return known.flow;
  }

  function remember(key: string, flow: LoadedFlow, size: number): void {
    if (versions.has(key)) return;
    versions.set(key, { flow, chars: size });
    chars += size;
    for (const [oldest, entry] of versions) {
      if (chars <= maxChars || oldest === key) break;
      versions.delete(oldest);
      chars -= entry.chars;
    }
  }

  async function loadVersion(workspace: WorkspaceId, hash: string): Promise<LoadedFlow | undefined> {
    const known = version(workspace, hash);
    if (known !== undefined) return known;
    const stored = await findFlowVersion(pool, workspace, hash);
    if (stored === undefined) return undefined;
    const { document, yaml: _text, ...outline } = stored;
    const flow = { ...parseFlow(storedDocument(document)), ...outline };
    remember(`${workspace}/${hash}`, flow, document.length);
    return flow;
  }

  return {
    version,
    loadVersion,
    async current(workspace, path) {
      const hash = await hashes.get(workspace, path);
      return hash === undefined ? undefined : loadVersion(workspace, hash);
    },
    changed: hashes.forget,
  };
}
