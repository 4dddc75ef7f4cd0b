import { AppError, type FieldError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { schemasOf, suggestScripts } from "../scripts/find-script.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { checkExpressions, type ExpressionReader } from "./check-expressions.ts";
import type { DeployFlowRequest, FlowView, FlowWithDocument } from "./contract.ts";
import { decodeDocument, storedDocument, TOO_LARGE } from "./document-codec.ts";
import { MAX_FINDINGS } from "./field-reader.ts";
import { suggestFlows } from "./find-flow.ts";
import type { FlowCache, LoadedFlow } from "./flow-cache.ts";
import { flowHash } from "./flow-hash.ts";
import { existingFlows, type FlowOutline, type FlowVersion, insertFlowVersion } from "./flow-store.ts";
import { type ParsedFlow, parseFlow } from "./parse.ts";
import { inputProblems } from "./script-inputs.ts";
import { type StepPath, stepPaths } from "./step-paths.ts";
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
  { path, document: given, yaml }: DeployFlowRequest,
): Promise<{ flow: LoadedFlow; created: boolean }> {
  const { pool, cache } = deployer;
  const decoded = decodeDocument(yaml === undefined ? given : JSON.parse(await deployer.readYaml(yaml)), ROOT);
  if (decoded.kind === "problem") {
    const { message } = decoded.problem;
    throw new AppError(message === TOO_LARGE ? "out_of_range" : "invalid_argument", `the flow ${message}`, { fields: [decoded.problem] });
  }
  const { document, json } = decoded;
  const parsed = parseFlow(document, ROOT);
  const problems = [...parsed.problems, ...checkExpressions(parsed, deployer.expressions, ROOT), ...(await pathProblems(pool, workspace.id, path, parsed))];
  if (problems.length > 0) throw flowError(problems.sort(inOrder));
  const hash = flowHash(path, document, yaml);
  const { created } = await insertFlowVersion(pool, workspace.id, { hash, path, summary: parsed.summary, document: json, yaml, createdBy });
  cache.changed(workspace.id, path);
  const flow = await cache.loadVersion(workspace.id, hash);
  if (flow === undefined) throw new AppError("internal", "the version is not there after it was stored");
  return { flow, created };
}

/** In the order of the steps. */
function inOrder(a: FieldError, b: FieldError): number {
  return a.pointer.localeCompare(b.pointer, "en", { numeric: true });
}

function flowError(problems: readonly FieldError[]): AppError {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new AppError("invalid_argument", `the flow is not right: ${problems[0]?.message ?? ""}${more}`, { fields: problems.slice(0, MAX_FINDINGS) });
}

/** Steps that run what is not in the workspace, or that call it by arguments that it does not take. A flow may run itself. */
async function pathProblems(pool: Pool, workspace: WorkspaceId, own: string, parsed: ParsedFlow): Promise<FieldError[]> {
  const steps = stepPaths(parsed);
  const scripts = steps.filter((step) => step.kind === "script");
  const flows = steps.filter((step) => step.kind === "flow" && step.path !== own);
  const schemas = await schemasOf(pool, workspace, scripts);
  const existing = flows.length === 0 ? new Set<string>() : await existingFlows(pool, workspace, [...new Set(flows.map((step) => step.path))]);
  const problems = scripts.flatMap((step) => {
    const schema = schemas.get(step);
    return schema === undefined ? [] : inputProblems(step, schema);
  });
  const missing = [...scripts.filter((step) => !schemas.has(step)), ...flows.filter((step) => !existing.has(step.path))];
  for (const [index, step] of missing.entries()) problems.push(await missingProblem(pool, workspace, step, index < MAX_SUGGESTIONS));
  return problems;
}

/** Each costs a look at the database. */
const MAX_SUGGESTIONS = 5;

async function missingProblem(pool: Pool, workspace: WorkspaceId, { kind, step, path, hash, pointer }: StepPath, suggests: boolean): Promise<FieldError> {
  if (hash !== undefined) return { pointer: `${pointer}/hash`, message: `step ${step}: ${path} has no version ${hash}` };
  const suggest = kind === "script" ? suggestScripts : suggestFlows;
  const suggestion = suggests ? await suggest(pool, workspace, path) : undefined;
  return { pointer: `${pointer}/path`, message: `step ${step}: there is no ${kind} at ${path}: ${suggestion ?? "deploy it first"}` };
}

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
