import { AppError, type FieldError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { schemasOf, suggestPaths } from "../scripts/find-script.ts";
import { storedDocument, TOO_LARGE } from "./document-codec.ts";
import { MAX_FINDINGS } from "./field-reader.ts";
import type { ReadFlow } from "./flow-reader.ts";
import { existingFlows } from "./flow-store.ts";
import { FLOW_LIMITS } from "./openflow.ts";
import { type ParsedFlow, parseFlow } from "./parse.ts";
import { inputProblems } from "./script-inputs.ts";
import type { StepPath } from "./step-paths.ts";

export interface FlowChecker {
  readonly pool: Pool;
  readonly readFlow: ReadFlow;
}

/** A flow as a request has it: exactly one of the two. */
interface FlowSource {
  readonly document?: unknown;
  readonly yaml?: string | undefined;
}

/**
 * Reads a flow and checks all that can be known before a run.
 * Errors: invalid_argument with every field that is wrong; out_of_range for too much of it; resource_exhausted when too many flows of the workspace wait to be read.
 * @param path of the flow itself, if it has one: it may run itself
 * @param root where the document stands in the request: pointers of errors begin there
 * @param mayRefer whether its author may run what is at a path; what may not be run is said not to be there
 */
export async function checkFlow(
  { pool, readFlow }: FlowChecker,
  workspace: WorkspaceId,
  { document, yaml }: FlowSource,
  path: string | undefined,
  root: string,
  mayRefer?: (path: string) => boolean,
): Promise<CheckedFlow> {
  const text = yaml ?? JSON.stringify(document);
  if (Buffer.byteLength(text) > FLOW_LIMITS.documentBytes) throw unreadable(true, [{ pointer: yaml === undefined ? root : "/yaml", message: TOO_LARGE }]);
  const reading = await readFlow(workspace, { format: yaml === undefined ? "json" : "yaml", text, path, root });
  if (reading.kind === "unreadable") throw unreadable(reading.isTooLarge, reading.problems);
  const problems = [...reading.problems, ...(await pathProblems(pool, workspace, path, reading.steps, mayRefer))];
  if (problems.length > 0) throw flowError(problems.sort(inOrder));
  const { json, hash } = reading;
  return { json, hash, parsed: parseFlow(storedDocument(json)) };
}

interface CheckedFlow {
  /** The document as JSON text: `storedDocument` reads it again. */
  readonly json: string;
  readonly hash: string;
  readonly parsed: ParsedFlow;
}

function unreadable(isTooLarge: boolean, problems: readonly FieldError[]): AppError {
  const first = problems[0];
  const what = first?.pointer === "/yaml" ? "the YAML cannot be read:" : "the flow";
  return new AppError(isTooLarge ? "out_of_range" : "invalid_argument", `${what} ${first?.message ?? "cannot be read"}`, { fields: problems });
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
async function pathProblems(
  pool: Pool,
  workspace: WorkspaceId,
  own: string | undefined,
  steps: readonly StepPath[],
  mayRefer?: (path: string) => boolean,
): Promise<FieldError[]> {
  const scripts = steps.filter((step) => step.kind === "script");
  const flows = steps.filter((step) => step.kind === "flow" && step.path !== own);
  const reached = (step: StepPath): boolean => mayRefer?.(step.path) ?? true;
  const schemas = await schemasOf(pool, workspace, scripts.filter(reached));
  const existing = flows.length === 0 ? new Set<string>() : await existingFlows(pool, workspace, [...new Set(flows.filter(reached).map((step) => step.path))]);
  const problems = scripts.flatMap((step) => {
    const schema = schemas.get(step);
    return schema === undefined ? [] : inputProblems(step, schema);
  });
  const missing = [...scripts.filter((step) => !schemas.has(step)), ...flows.filter((step) => !existing.has(step.path))];
  for (const [index, step] of missing.entries()) problems.push(await missingProblem(pool, workspace, step, mayRefer === undefined && index < MAX_SUGGESTIONS));
  return problems;
}

/** Each costs a look at the database. */
const MAX_SUGGESTIONS = 5;

async function missingProblem(pool: Pool, workspace: WorkspaceId, { kind, step, path, hash, pointer }: StepPath, suggests: boolean): Promise<FieldError> {
  if (hash !== undefined) return { pointer: `${pointer}/hash`, message: `step ${step}: ${path} has no version ${hash}` };
  const suggestion = suggests ? await suggestPaths(kind, pool, workspace, path) : undefined;
  return { pointer: `${pointer}/path`, message: `step ${step}: there is no ${kind} at ${path}: ${suggestion ?? "deploy it first"}` };
}
