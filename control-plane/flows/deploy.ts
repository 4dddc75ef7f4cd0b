import { AppError, type FieldError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Json } from "../../kernel/json.ts";
import type { Pool } from "../db/pools.ts";
import { missingScripts } from "../scripts/find-script.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { checkExpressions, type ExpressionReader } from "./check-expressions.ts";
import type { DeployFlowRequest, FlowView, FlowWithDocument } from "./contract.ts";
import { decodeDocument, storedDocument, TOO_LARGE } from "./document-codec.ts";
import { MAX_FINDINGS } from "./field-reader.ts";
import type { FlowCache, LoadedFlow } from "./flow-cache.ts";
import { flowHash } from "./flow-hash.ts";
import { existingFlows, type FlowOutline, type FlowVersion, insertFlowVersion, similarFlows } from "./flow-store.ts";
import { type ParsedFlow, parseFlow } from "./parse.ts";
import { stepPaths } from "./step-paths.ts";
import type { ReadYaml } from "./yaml-reader.ts";

export interface FlowDeployer {
  readonly pool: Pool;
  readonly cache: FlowCache;
  readonly expressions: ExpressionReader;
  readonly readYaml: ReadYaml;
}

/** Where the document stands in a request; errors in YAML that could be read point there as well. */
const ROOT = "/document";

/**
 * Deploys one version of a flow: reads it, checks all that can be known before a run, and stores it under the hash of path and document. Deploying
 * the same thing again changes nothing.
 * Errors: invalid_argument with every field that is wrong; out_of_range for too much of it; resource_exhausted when too much YAML is being read.
 */
export async function deployFlow(
  deployer: FlowDeployer,
  workspace: Workspace,
  createdBy: string,
  request: DeployFlowRequest,
): Promise<{ flow: LoadedFlow; created: boolean }> {
  const { pool, cache } = deployer;
  const { path, yaml } = request;
  const { document, json, parsed } = await readFlow(deployer, workspace, path, request);
  const hash = flowHash(path, document, yaml);
  const { created } = await insertFlowVersion(pool, workspace.id, { hash, path, summary: parsed.summary, document: json, yaml, createdBy });
  cache.changed(workspace.id, path);
  const flow = await cache.loadVersion(workspace.id, hash);
  if (flow === undefined) throw new AppError("internal", "the version is not there after it was stored");
  return { flow, created };
}

/** A flow that can run, and its document. */
export interface ReadFlow {
  readonly document: Json;
  readonly json: string;
  readonly parsed: ParsedFlow;
}

/** Reads a document of a request and checks it. @param path under which it could run itself; empty for one that has none. Errors: those of deployFlow */
export async function readFlow(
  deployer: Omit<FlowDeployer, "cache">,
  workspace: Workspace,
  path: string,
  { document: given, yaml }: Pick<DeployFlowRequest, "document" | "yaml">,
): Promise<ReadFlow> {
  const { pool } = deployer;
  const decoded = decodeDocument(yaml === undefined ? given : JSON.parse(await deployer.readYaml(yaml)), ROOT);
  if (decoded.kind === "problem") {
    const { message } = decoded.problem;
    throw new AppError(message === TOO_LARGE ? "out_of_range" : "invalid_argument", `the flow ${message}`, { fields: [decoded.problem] });
  }
  const { document, json } = decoded;
  const parsed = parseFlow(document, ROOT);
  const problems = [...parsed.problems, ...checkExpressions(parsed, deployer.expressions, ROOT), ...(await missingPaths(pool, workspace.id, path, parsed))];
  if (problems.length > 0) throw flowError(problems);
  return { document, json, parsed };
}

function flowError(problems: readonly FieldError[]): AppError {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new AppError("invalid_argument", `the flow is not right: ${problems[0]?.message ?? ""}${more}`, { fields: problems.slice(0, MAX_FINDINGS) });
}

/** Steps that run what is not in the workspace. A flow may run itself. */
async function missingPaths(pool: Pool, workspace: WorkspaceId, own: string, parsed: ParsedFlow): Promise<FieldError[]> {
  const paths = stepPaths(parsed);
  const scripts = paths.filter((step) => step.kind === "script");
  const flows = paths.filter((step) => step.kind === "flow" && step.path !== own);
  const missing = await missingScripts(pool, workspace, scripts);
  const existing = flows.length === 0 ? new Set<string>() : await existingFlows(pool, workspace, [...new Set(flows.map((step) => step.path))]);
  const problems: FieldError[] = [];
  for (const { step, pointer, path, hash } of missing) {
    const what = hash === undefined ? `there is no script at ${path}` : `${path} has no version ${hash}`;
    problems.push({ pointer: `${pointer}/${hash === undefined ? "path" : "hash"}`, message: `step ${step}: ${what}` });
  }
  for (const { step, pointer, path } of flows) {
    if (existing.has(path)) continue;
    const similar = problems.length < MAX_SUGGESTIONS ? await similarFlows(pool, workspace, path) : [];
    const hint = similar.length === 0 ? "deploy it first" : `did you mean ${similar.join(" or ")}?`;
    problems.push({ pointer: `${pointer}/path`, message: `step ${step}: there is no flow at ${path}: ${hint}` });
  }
  return problems;
}

/** Each costs a look at the database. */
const MAX_SUGGESTIONS = 5;

/** A version as the API shows it, without its document. */
export function presentFlow(flow: FlowOutline): FlowView {
  const { path, hash, summary, createdAtMs, createdBy } = flow;
  return { path, hash, summary, created_at: new Date(createdAtMs).toISOString(), created_by: createdBy };
}

/** With its document as it was deployed. */
export function presentWithDocument(version: FlowVersion): FlowWithDocument {
  const document = storedDocument(version.document);
  const { ignored } = parseFlow(document);
  return { ...presentFlow(version), document, ...(version.yaml !== undefined && { yaml: version.yaml }), ignored: [...ignored] };
}
