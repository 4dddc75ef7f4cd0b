import { AppError } from "../../../kernel/app-error.ts";
import type { Pool } from "../../db/pools.ts";
import { currentVersion, refuseArchived } from "../../scripts/find-script.ts";
import type { ScriptCache } from "../../scripts/script-cache.ts";
import type { Workspaces } from "../../workspaces/workspace-store.ts";
import { storedDocument } from "../document-codec.ts";
import { WeightedCache } from "../expressions/weighted-cache.ts";
import { currentFlow } from "../find-flow.ts";
import type { FlowCache } from "../flow-cache.ts";
import { parseFlow } from "../parse.ts";
import type { FlowCatalogue, RunnableFlow } from "./engine-deps.ts";

export interface CatalogueParts {
  readonly pool: Pool;
  readonly flows: FlowCache;
  readonly scripts: ScriptCache;
  readonly workspaces: Workspaces;
  readonly variables: FlowCatalogue["variables"];
  readonly resources: FlowCatalogue["resources"];
}

/** Documents of runs that are kept read: the same one is often run many times, and asked for several times by one run. */
const INLINE_CHARS = 4 * 1024 * 1024;

/** Where engines find flows, scripts and things, by what the API has of them in memory. */
export function createFlowCatalogue({ pool, flows, scripts, workspaces, variables, resources }: CatalogueParts): FlowCatalogue {
  const inline = new WeightedCache<RunnableFlow>(INLINE_CHARS);
  const inlineFlow = (document: string): RunnableFlow => {
    const known = inline.get(document);
    if (known !== undefined) return known;
    const flow = readInline(document);
    inline.add(document, flow);
    return flow;
  };
  return {
    flow(workspace, source) {
      if (source.scriptHash === undefined) return source.code === undefined ? undefined : inlineFlow(source.code);
      return flows.version(workspace, source.scriptHash);
    },
    async loadFlow(workspace, source) {
      const flow = source.scriptHash === undefined ? inlineFlow(source.code ?? "{}") : await flows.loadVersion(workspace, source.scriptHash);
      if (flow === undefined) throw new AppError("not_found", `the flow's version ${source.scriptHash} is not in the database`);
      return flow;
    },
    async currentFlow(workspace, path) {
      const { hash } = await currentFlow(pool, flows, workspace, path);
      return { hash };
    },
    async script(workspace, path, hash) {
      if (hash === undefined) return currentVersion(pool, scripts, workspace, path);
      const version = await scripts.loadVersion(workspace, hash);
      if (version === undefined) throw new AppError("not_found", `${path} has no version ${hash}`);
      await refuseArchived(scripts, workspace, version);
      return version;
    },
    workspaceNameNow: (workspace) => workspaces.nameOf(workspace),
    workspaceName: async (workspace) => (await workspaces.loadName(workspace)) ?? "",
    variables,
    resources,
  };
}

/** The document was checked when the run was accepted. */
function readInline(document: string): RunnableFlow {
  return { definition: parseFlow(storedDocument(document)).definition, path: undefined };
}
