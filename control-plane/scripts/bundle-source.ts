import { mayHoldReferences } from "../resources/references-core.ts";
import type { BundleSource } from "../scheduler/bundles.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { codeHash } from "./content-hash.ts";
import { homeOf } from "./home-of.ts";
import type { ScriptCache } from "./script-cache.ts";
import { codeOf } from "./script-code.ts";

/** Where owners find what the payload of a job only names: versions of scripts, names of workspaces, what arguments refer to. */
export function bundleSource(workspaces: Workspaces, scripts: ScriptCache, resolve: BundleSource["resolve"]): BundleSource {
  return {
    script(workspace, hash) {
      const version = scripts.version(workspace, hash);
      return version === undefined ? undefined : codeOf(version);
    },
    async loadScript(workspace, hash) {
      const version = await scripts.loadVersion(workspace, hash);
      if (version === undefined) return undefined;
      const standing = await scripts.standing(workspace, version.scriptId);
      return { ...codeOf(version), home: homeOf(version.path, standing?.path) };
    },
    workspaceName: (workspace) => workspaces.nameOf(workspace),
    loadWorkspaceName: (workspace) => workspaces.loadName(workspace),
    hashOfCode: codeHash,
    mayRefer: mayHoldReferences,
    resolve,
  };
}
