import { AppError } from "../../kernel/app-error.ts";
import { recordAudit } from "../audit/audit-store.ts";
import { inTransaction } from "../db/transaction.ts";
import { type Archived, presentArchived } from "../scripts/archived.ts";
import { type ExpectedVersion, notAsExpected } from "../scripts/expected-version.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { checkFlow, type FlowChecker } from "./check-flow.ts";
import type { DeployFlowRequest, FlowView, FlowWithDocument } from "./contract.ts";
import { storedDocument } from "./document-codec.ts";
import type { FlowCache, LoadedFlow } from "./flow-cache.ts";
import { type FlowOutline, type FlowVersion, insertFlowVersion } from "./flow-store.ts";
import { parseFlow } from "./parse.ts";

export interface FlowDeployer extends FlowChecker {
  readonly cache: FlowCache;
}

/** Where the document stands in a request; errors in YAML that could be read point there as well. */
const ROOT = "/document";

/**
 * Deploys one version of a flow: checks it and stores it under the hash of path and document. Deploying the same thing again changes nothing.
 * Errors: those of `checkFlow`; aborted when the path is not as expected. @param mayRefer see `checkFlow`
 */
export async function deployFlow(
  deployer: FlowDeployer,
  workspace: Workspace,
  createdBy: string,
  request: DeployFlowRequest,
  options: { readonly expected?: ExpectedVersion; readonly mayRefer?: ((path: string) => boolean) | undefined } = {},
): Promise<{ flow: LoadedFlow; created: boolean }> {
  const { pool, cache } = deployer;
  const { path, yaml } = request;
  const { expected = { kind: "any" }, mayRefer } = options;
  const { json, hash, parsed } = await checkFlow(deployer, workspace.id, request, path, ROOT, mayRefer);
  const created = await inTransaction(pool, async (client) => {
    const version = { hash, path, summary: parsed.summary, document: json, yaml, createdBy };
    const stored = await insertFlowVersion(client, workspace.id, version, expected);
    if (stored === undefined) throw notAsExpected("flow", path, expected);
    if (stored.before !== hash) {
      const detail = { hash, before: stored.before ?? null };
      await recordAudit(client, { workspace: workspace.id, actor: createdBy, action: "flows:deploy", target: `flow ${path}`, detail });
    }
    return stored.created;
  });
  cache.changed(workspace.id, path);
  const flow = await cache.loadVersion(workspace.id, hash);
  if (flow === undefined) throw new AppError("internal", "the version is not there after it was stored");
  return { flow, created };
}

/** A version as the API shows it, without its document. */
export function presentFlow(flow: FlowOutline, archived?: Archived): FlowView {
  const { path, hash, summary, createdAtMs, createdBy } = flow;
  return { path, hash, summary, created_at: new Date(createdAtMs).toISOString(), created_by: createdBy, ...presentArchived(archived) };
}

/** With its document as it was deployed. */
export function presentWithDocument(version: FlowVersion, archived?: Archived): FlowWithDocument {
  const document = storedDocument(version.document);
  const { ignored } = parseFlow(document);
  return { ...presentFlow(version, archived), document, ...(version.yaml !== undefined && { yaml: version.yaml }), ignored: [...ignored] };
}
