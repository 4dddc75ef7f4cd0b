import { AppError } from "../../../kernel/app-error.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { Pool } from "../../db/pools.ts";
import type { Caller } from "../../http/authorize.ts";
import type { JobView } from "../../jobs/contract.ts";
import type { JobService } from "../../jobs/job-service.ts";
import { isPreprocessed, restartPolicy } from "../../jobs/policy-codec.ts";
import type { RestartOf } from "../../scheduler/core/retry-core.ts";
import { advance } from "../core/advance.ts";
import { LOG_FORMAT } from "../core/log-format.ts";
import type { FlowEvent, Place } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import { newFlowState } from "../core/state.ts";
import type { FlowRunStore } from "../engine/flow-run-store.ts";
import { flowJob, type WantedFlow } from "../flow-jobs.ts";
import type { FlowDefinition, Module } from "../model.ts";
import { insideOf } from "../module-expressions.ts";
import { type Beginning, insertBeginnings } from "./beginning-store.ts";
import type { RestartRequest } from "./contract.ts";
import { checkMayRun, type EarlierRun, type EarlierRunParts, findEarlierRun, inputsOfRun, originOf, planRestart } from "./earlier-runs.ts";
import { checkReused } from "./reused-values.ts";

export interface RestartParts extends EarlierRunParts {
  readonly pool: Pool;
  readonly store: Pick<FlowRunStore, "source" | "events" | "items" | "piece">;
  readonly accept: JobService["accept"];
  readonly newJobId: () => JobId;
  readonly wallMs: () => number;
}

/** What is stored before a run is accepted, and what its job says of it. */
interface Made {
  readonly restart: RestartOf;
  readonly beginnings: readonly Beginning[];
}

/** Runs that are made of earlier ones. */
export class Restarts {
  readonly #parts: RestartParts;

  constructor(parts: RestartParts) {
    this.#parts = parts;
  }

  /**
   * Begins a run anew, at a step or at the beginning. Errors: not_found; invalid_argument for a place that the flow does not have, and for inputs that
   * break its schema; failed_precondition with other inputs behind an approval, while the earlier run goes on, when it did not come so far, and when what is to be reused is gone.
   */
  async restart(caller: Caller, id: JobId, { step = "", args, newest = false }: RestartRequest): Promise<JobView> {
    const { pool, accept, wallMs } = this.#parts;
    const earlier = await findEarlierRun(this.#parts, caller, id);
    const flow = newest ? await this.#newest(caller, earlier) : earlier.flow;
    await checkMayRun(this.#parts, caller, flow);
    if (step !== "" && earlier.record.done === undefined)
      throw new AppError("failed_precondition", `job ${id} has not ended: cancel it first, or begin at the beginning`);
    return accept(caller, async (context) => {
      // It is preprocessed again only when it begins at the beginning: otherwise the log says what was made of the inputs.
      const event = args === undefined && isPreprocessed(earlier.record.policyText ?? "{}") ? inputsOfRun(earlier) : undefined;
      const made = flowJob(context, flow, args ?? inputsOfRun(earlier), { event });
      const nowMs = Math.floor(wallMs());
      const { restart, beginnings } = await this.#make(caller, earlier, flow, made.job.id, step, newest, args !== undefined, nowMs);
      await insertBeginnings(pool, caller.workspace.id, beginnings, nowMs);
      return { job: { ...made, job: { ...made.job, policy: restartPolicy(made.job.policy, restart) } }, flowPath: flow.path };
    });
  }

  async #newest({ workspace }: Caller, { flow }: EarlierRun): Promise<WantedFlow> {
    if (flow.path === undefined) throw new AppError("invalid_argument", "the run's flow was not deployed: there is no newer version of it");
    return this.#parts.wanted(workspace, { flow: flow.path });
  }

  /** @param job of the new run */
  async #make(
    caller: Caller,
    earlier: EarlierRun,
    flow: WantedFlow,
    job: JobId,
    step: Place,
    newest: boolean,
    ownInputs: boolean,
    nowMs: number,
  ): Promise<Made> {
    const restart = originOf(earlier, step, ownInputs);
    if (step === "") return { restart, beginnings: [fromTheBeginning(flow, job, nowMs, !ownInputs && isPreprocessed(earlier.record.policyText ?? "{}"))] };
    if (flow.definition.sameWorker)
      throw new AppError("failed_precondition", "the steps of the flow share a folder (same_worker), which is gone with the run: begin at the beginning");
    const { pool, store } = this.#parts;
    const { events, state, items, from, within } = await planRestart(store, caller.workspace.id, earlier, flow.definition, step, nowMs);
    if (ownInputs && isPreprocessed(earlier.record.policyText ?? "{}"))
      throw new AppError("failed_precondition", "a preprocessor made the inputs of that run: with others begin at the beginning");
    if (ownInputs) refuseBehindPeople(flow.definition, events);
    await checkReused(pool, store, caller.workspace.id, events);
    const own = { ...restart, step: from };
    const beginning = { job, events, state, items };
    if (within === undefined) return { restart: own, beginnings: [beginning] };
    const inner = await findEarlierRun(this.#parts, caller, within.job);
    const path = moduleAt(flow.definition, from)?.value;
    const innerFlow = newest && path?.kind === "flow" ? await this.#parts.wanted(caller.workspace, { flow: path.path }) : inner.flow;
    const innerJob = this.#parts.newJobId();
    const sub = await this.#make(caller, inner, innerFlow, innerJob, within.place, newest, false, nowMs);
    return {
      restart: { ...own, uses: [...new Set([...own.uses, ...sub.restart.uses])], sub: { job: innerJob, hash: innerFlow.hash, restart: sub.restart } },
      beginnings: [beginning, ...sub.beginnings],
    };
  }
}

/** What people said yes to were the inputs as they were. */
function refuseBehindPeople(definition: FlowDefinition, events: readonly FlowEvent[]): void {
  for (const event of events) {
    const module = event.kind === "reused" ? moduleAt(definition, event.place) : undefined;
    if (module === undefined || !waitsForPeople(module)) continue;
    throw new AppError("failed_precondition", `people have answered at ${module.id} for the inputs as they were: with others restart there, or before`);
  }
}

function waitsForPeople(module: Module): boolean {
  return module.suspend !== undefined || insideOf(module).some((list) => list.some(waitsForPeople));
}

function fromTheBeginning({ definition }: WantedFlow, job: JobId, nowMs: number, preprocess: boolean): Beginning {
  const event = { kind: "flow_started", preprocess, atMs: nowMs, format: LOG_FORMAT } as const;
  const { state, items } = advance(definition, newFlowState(), event);
  return { job, events: [event], state, items };
}
