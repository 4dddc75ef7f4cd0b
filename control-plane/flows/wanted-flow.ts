import type { RunJobRequest } from "../jobs/contract.ts";
import { findStanding } from "../scripts/current-store.ts";
import { archivedError } from "../scripts/find-script.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { checkFlow } from "./check-flow.ts";
import type { FlowDeployer } from "./deploy.ts";
import { currentFlow, noFlowVersion } from "./find-flow.ts";
import type { WantedFlow } from "./flow-jobs.ts";

export type FlowRequest = Pick<RunJobRequest, "flow" | "flow_hash" | "document" | "yaml">;

/** Whether a request is for the run of a flow. */
export function isForFlow({ flow, flow_hash, document, yaml }: FlowRequest): boolean {
  return (flow ?? flow_hash ?? document ?? yaml) !== undefined;
}

/** The flow that a request names or brings. Errors: not_found; failed_precondition for an archived one; for one that it brings those of a deploy. */
export async function wantedFlow(
  deployer: FlowDeployer,
  workspace: Workspace,
  request: FlowRequest,
  mayRefer?: (path: string) => boolean,
): Promise<WantedFlow> {
  const { pool, cache } = deployer;
  const { flow: path, flow_hash: hash } = request;
  if (path !== undefined) return { ...(await currentFlow(pool, cache, workspace.id, path)), document: undefined };
  if (hash !== undefined) {
    const version = await cache.loadVersion(workspace.id, hash);
    const standing = version === undefined ? undefined : await findStanding(pool, "flow", workspace.id, version.flowId);
    if (version === undefined || standing === undefined || mayRefer?.(standing.path) === false) throw noFlowVersion(hash);
    if (standing.isArchived) throw archivedError("flow", standing.path);
    return { ...version, document: undefined };
  }
  const {
    json,
    hash: ofDocument,
    parsed,
  } = await checkFlow(deployer, workspace.id, request, undefined, request.yaml === undefined ? "/document" : "/yaml", mayRefer);
  return { hash: ofDocument, path: undefined, document: json, definition: parsed.definition, schema: parsed.schema };
}
