import { AppError } from "../../../kernel/app-error.ts";
import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import { nextTurn } from "../../../kernel/slices.ts";
import { type Caller, referencesOf } from "../../http/authorize.ts";
import { parseExactJson } from "../../http/exact-json.ts";
import { refuseBroughtCode } from "../../jobs/deployed-only.ts";
import { checkWanted } from "../../jobs/job-reach.ts";
import type { JobRecord } from "../../jobs/job-store.ts";
import { restartOf, stepOf } from "../../jobs/policy-codec.ts";
import type { RestartOf } from "../../scheduler/core/retry-core.ts";
import type { Workspace } from "../../workspaces/workspace-store.ts";
import type { FlowEvent, Place } from "../core/model.ts";
import { beginRestart, type Restart } from "../core/restart.ts";
import { storedDocument } from "../document-codec.ts";
import type { FlowRunStore, FlowSource } from "../engine/flow-run-store.ts";
import { flowHash } from "../flow-hash.ts";
import type { WantedFlow } from "../flow-jobs.ts";
import type { FlowDefinition } from "../model.ts";
import { parseFlow } from "../parse.ts";
import type { FlowRequest } from "../wanted-flow.ts";

export interface EarlierRunParts {
  readonly store: Pick<FlowRunStore, "source" | "events">;
  readonly wanted: (workspace: Workspace, request: FlowRequest, mayRefer?: (path: string) => boolean) => Promise<WantedFlow>;
  readonly record: (caller: Caller, id: JobId) => Promise<JobRecord>;
}

/** A run from which another one is made. */
export interface EarlierRun {
  readonly record: JobRecord;
  readonly source: FlowSource;
  /** The version that ran. */
  readonly flow: WantedFlow;
}

/** Errors: not_found for what is no run of a flow, or whose version is gone. */
export async function findEarlierRun({ store, wanted, record }: EarlierRunParts, caller: Caller, id: JobId): Promise<EarlierRun> {
  const { workspace } = caller;
  const [job, source] = [await record(caller, id), await store.source(workspace.id, id)];
  if (source === undefined) throw new AppError("not_found", `job ${id} is not the run of a flow`);
  const flow = source.scriptHash === undefined ? broughtFlow(source.code ?? "{}") : await wanted(workspace, { flow_hash: source.scriptHash });
  return { record: job, source, flow };
}

/** The document was checked when the run was accepted. */
function broughtFlow(text: string): WantedFlow {
  const document = storedDocument(text);
  const { definition, schema } = parseFlow(document);
  return { hash: flowHash("", document, undefined), path: undefined, document: text, definition, schema };
}

/**
 * Whether the caller may run a flow, of which it sees a run. Errors: not_found for a path out of reach; permission_denied for a document that was
 * brought, from those who may not bring any; those of a deploy for what it refers to.
 */
export async function checkMayRun({ wanted }: EarlierRunParts, caller: Caller, { path, document }: WantedFlow): Promise<void> {
  const brought = path === undefined && document !== undefined ? { document: storedDocument(document) } : {};
  refuseBroughtCode(caller.principal, brought);
  checkWanted(caller, { ...(path !== undefined && { flow: path }), ...brought });
  const mayRefer = referencesOf(caller);
  if (path === undefined && mayRefer !== undefined) await wanted(caller.workspace, brought, mayRefer);
}

/** Inputs of a run, with all digits of their numbers. */
export function inputsOfRun({ source }: EarlierRun): Record<string, unknown> {
  const args = parseExactJson(source.argsJson);
  return typeof args === "object" && args !== null ? Object.fromEntries(Object.entries(args)) : {};
}

/** A restart of a restart of a restart …: each may refer to the results of all before it. */
const MOST_USED = 50;

/**
 * What is known of a run that is made of an earlier one. Errors: failed_precondition for too long a chain.
 * @param ownInputs the new run has inputs of its caller
 */
export function originOf({ record: { id, policyText } }: EarlierRun, step: Place, ownInputs: boolean): RestartOf {
  const before = policyText === undefined ? undefined : restartOf(policyText);
  const refs = ownInputs || policyText === undefined ? undefined : (stepOf(policyText)?.refs ?? before?.refs);
  const uses = step === "" ? [] : [...new Set([id, ...(before?.uses ?? [])])];
  if (uses.length > MOST_USED) throw new AppError("failed_precondition", `the run is a restart of a restart, ${MOST_USED} times over: begin anew`);
  return { id, step, uses, ...(refs !== undefined && { refs }) };
}

type Planned = Extract<Restart, { kind: "planned" }>;

/** Events of a log that are worked on without a pause. */
const EVENTS = 1000;

/** Plans a restart by the log of the run. Errors: failed_precondition with the reason why it cannot be; those of the database. */
export async function planRestart(
  store: Pick<FlowRunStore, "events">,
  workspace: WorkspaceId,
  { record, flow }: EarlierRun,
  definition: FlowDefinition,
  step: Place,
  nowMs: number,
): Promise<Planned> {
  const begun = beginRestart(definition, { job: record.id, definition: flow.definition }, step);
  if (begun.kind === "refused") throw new AppError("invalid_argument", begun.message, { fields: [{ pointer: "/step", message: begun.message }] });
  await readLog(store, workspace, record.id, begun.take);
  const plan = await inSlices(begun.plan(nowMs));
  if (plan.kind === "refused") throw new AppError("failed_precondition", plan.message);
  return plan;
}

async function inSlices<T>(work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await nextTurn();
  }
}

async function readLog(store: Pick<FlowRunStore, "events">, workspace: WorkspaceId, run: JobId, take: (events: readonly FlowEvent[]) => void): Promise<void> {
  for (let after = 0; ; ) {
    const rows = await store.events(workspace, run, after, EVENTS);
    for (const { events } of rows) take(events);
    after = rows.at(-1)?.seq ?? after;
    if (rows.length === 0) return;
    await nextTurn();
  }
}
