import { AppError } from "../../../kernel/app-error.ts";
import { type JobId, parseJobId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import type { Pool } from "../../db/pools.ts";
import { type Caller, referencesOf } from "../../http/authorize.ts";
import type { JobView } from "../../jobs/contract.ts";
import { checkWanted } from "../../jobs/job-reach.ts";
import type { JobService } from "../../jobs/job-service.ts";
import { restartPolicy } from "../../jobs/policy-codec.ts";
import { checkReferences } from "../../resources/check-references.ts";
import { advance } from "../core/advance.ts";
import { type FlowEvent, type Happening, jsonRef, type ListItem } from "../core/model.ts";
import { findPlace } from "../core/place.ts";
import { scopeOf } from "../core/scope.ts";
import { newFlowState } from "../core/state.ts";
import { decodeDocument, storedDocument } from "../document-codec.ts";
import type { FlowRunStore } from "../engine/flow-run-store.ts";
import { isObject } from "../field-reader.ts";
import { flowHash } from "../flow-hash.ts";
import { flowJob, type WantedFlow } from "../flow-jobs.ts";
import { findFlowVersion } from "../flow-store.ts";
import type { FlowDefinition, Module } from "../model.ts";
import { insideOf } from "../module-expressions.ts";
import { parseFlow } from "../parse.ts";
import { stepPaths } from "../step-paths.ts";
import { type Stub, testDocument } from "../test-document.ts";
import { isForFlow } from "../wanted-flow.ts";
import { type Beginning, insertBeginnings } from "./beginning-store.ts";
import type { StepTestRequest } from "./contract.ts";
import { checkMayRun, type EarlierRun, type EarlierRunParts, findEarlierRun, inputsOfRun, originOf, planRestart } from "./earlier-runs.ts";
import { type EarlierScope, type Known, readEarlierScope } from "./earlier-scope.ts";
import { checkReused } from "./reused-values.ts";

export interface StepTestParts extends EarlierRunParts {
  readonly pool: Pool;
  readonly store: FlowRunStore;
  readonly accept: JobService["accept"];
  readonly wallMs: () => number;
  /** Of a value that is put together of several. */
  readonly resultMaxBytes: number;
}

/** Steps before the one that is tested, in their order. */
type Before = readonly (Stub & { readonly known: Known; readonly approvals?: EarlierScope["approvals"] })[];

interface Tested {
  readonly flow: WantedFlow;
  readonly module: Module;
  readonly before: Before;
  readonly args: Record<string, unknown>;
}

/** Runs of one step: of a document with this step alone, and steps before it that have their results already. */
export class StepTests {
  readonly #parts: StepTestParts;

  constructor(parts: StepTestParts) {
    this.#parts = parts;
  }

  /**
   * Errors: not_found for flows and runs, and for what the step runs; invalid_argument for a step that is not there, and those of a deploy for a document; failed_precondition when the
   * earlier run did not come to the step; out_of_range for too much of results.
   */
  async test(caller: Caller, request: StepTestRequest): Promise<JobView> {
    checkWanted(caller, { ...request, script: undefined });
    const { pool, accept, store } = this.#parts;
    const workspace = caller.workspace.id;
    const earlier = request.job === undefined ? undefined : await findEarlierRun(this.#parts, caller, jobIdIn(request.job));
    const flow = earlier !== undefined && !isForFlow(request) ? earlier.flow : await this.#parts.wanted(caller.workspace, request, referencesOf(caller));
    await checkMayRun(this.#parts, caller, flow);
    const nowMs = Math.floor(this.#parts.wallMs());
    const { module, before, args } = await this.#tested(caller, flow, earlier, request, nowMs);
    const made = await this.#alone(caller, flow, module, before);
    return accept(caller, async (context) => {
      const job = flowJob(context, made, args, {});
      if (earlier === undefined) return { job, flowPath: undefined };
      const beginning = beginningOf(made.definition, job.job.id, before, nowMs);
      await checkReused(pool, store, workspace, beginning.events);
      await insertBeginnings(pool, workspace, [beginning], nowMs);
      const restart = originOf(earlier, request.step, request.args !== undefined);
      return { job: { ...job, job: { ...job.job, policy: restartPolicy(job.job.policy, restart) } }, flowPath: undefined };
    });
  }

  async #tested(caller: Caller, flow: WantedFlow, earlier: EarlierRun | undefined, request: StepTestRequest, nowMs: number): Promise<Tested> {
    const { step, args } = request;
    const given = Object.entries(givenResults(request));
    if (earlier === undefined) {
      const module = findById(flow.definition.modules, step);
      if (module === undefined) throw noStep(step);
      const before = given.map(([id, value]) => ({ id, value, known: { kind: "value", value } as const }));
      return { flow, module, before, args: args ?? {} };
    }
    const found = findPlace(flow.definition, step);
    if (found === undefined || found.rest !== "" || found.place.split("/").length % 2 === 0) throw noStep(step);
    const { store, resultMaxBytes } = this.#parts;
    const workspace = caller.workspace.id;
    const plan = await planRestart(store, workspace, earlier, flow.definition, step, nowMs);
    const scope = await readEarlierScope(store, workspace, earlier, scopeOf(flow.definition, plan.state, plan.from), resultMaxBytes);
    const inputs = args ?? (isObject(scope.inputs) ? scope.inputs : inputsOfRun(earlier));
    const iter = scope.iter === undefined || "iter" in inputs ? {} : { iter: scope.iter };
    return { flow, module: found.module, before: stepsBefore(found.module, scope, new Map(given)), args: { ...inputs, ...iter } };
  }

  /** Errors: out_of_range for a document that is too large with the results that are in it; not_found for what the caller may not run. */
  async #alone(caller: Caller, flow: WantedFlow, { id }: Module, before: Before): Promise<WantedFlow> {
    const text = flow.document ?? (await findFlowVersion(this.#parts.pool, caller.workspace.id, flow.hash))?.document ?? "{}";
    const decoded = decodeDocument(testDocument(storedDocument(text), id, before) ?? {}, "/results");
    if (decoded.kind === "problem")
      throw new AppError("out_of_range", `the step with the results before it ${decoded.problem.message}`, { fields: [decoded.problem] });
    const parsed = parseFlow(decoded.document);
    // A deployed flow lends its runs what its author may run, with the arguments that it says: this is none of its runs.
    const runs = stepPaths(parsed).map(({ path }) => path);
    checkReferences(caller, runs, []);
    return { hash: flowHash("", decoded.document, undefined), path: undefined, document: decoded.json, definition: parsed.definition };
  }
}

/** Errors: invalid_argument for numbers that JavaScript cannot hold, and for what is nested too deeply. */
function givenResults({ results = {} }: StepTestRequest): Readonly<Record<string, Json>> {
  const decoded = decodeDocument(results, "/results");
  if (decoded.kind === "problem") throw new AppError("invalid_argument", `results ${decoded.problem.message}`, { fields: [decoded.problem] });
  return isObject(decoded.document) ? decoded.document : {};
}

function jobIdIn(text: string): JobId {
  const id = parseJobId(text);
  if (id === undefined) throw new AppError("not_found", `there is no job ${text.slice(0, 64)}`);
  return id;
}

function noStep(step: string): AppError {
  return new AppError("invalid_argument", `the flow has no step ${step}`, { fields: [{ pointer: "/step", message: "is not a step of the flow" }] });
}

function findById(modules: readonly Module[], id: string): Module | undefined {
  for (const module of modules) {
    const found =
      module.id === id
        ? module
        : insideOf(module)
            .map((list) => findById(list, id))
            .find((one) => one !== undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

function idsWithin(module: Module): string[] {
  return [module.id, ...insideOf(module).flatMap((list) => list.flatMap(idsWithin))];
}

/** The result that `previous_result` is comes last. */
function stepsBefore(module: Module, { results, previous, previousId, approvals }: EarlierScope, given: ReadonlyMap<string, Json>): Before {
  const own = new Set(idsWithin(module));
  const all = new Map<string, Known>(results);
  for (const [id, value] of given) all.set(id, { kind: "value", value });
  const before = [...all].flatMap(([id, known]) => (own.has(id) ? [] : [stub(id, known)]));
  const last = before.find(({ id }) => id === previousId);
  const rest = before.filter((one) => one !== last);
  const names = new Set([...own, ...all.keys()]);
  const people = approvals.length === 0 ? [] : [{ ...stub(freeName(names, "people"), { kind: "ref", ref: jsonRef(null) }), approvals }];
  if (last !== undefined) return [...people, ...rest, last];
  return [...people, ...rest, ...(previous === undefined ? [] : [stub(freeName(names, "previous"), previous)])];
}

const stub = (id: string, known: Known): Before[number] => ({ id, known, ...(known.kind === "value" && { value: known.value }) });

function freeName(taken: ReadonlySet<string>, name: string): string {
  return taken.has(name) ? freeName(taken, `${name}_`) : name;
}

/** Steps with a value are over by themselves; the others are as they were in the earlier run. */
function beginningOf(definition: FlowDefinition, job: JobId, before: Before, nowMs: number): Beginning {
  const state = newFlowState();
  const events: FlowEvent[] = [];
  const items: ListItem[] = [];
  const tell = (happening: Happening): void => {
    const event = { ...happening, atMs: nowMs };
    events.push(event);
    items.push(...advance(definition, state, event).items);
  };
  tell({ kind: "flow_started", preprocess: false });
  for (const { id, known, approvals } of before) {
    if (known.kind === "ref")
      tell({ kind: "reused", place: id, status: "succeeded", value: known.ref, attempt: 1, ...(approvals !== undefined && { approvals }) });
  }
  return { job, events, state, items };
}
