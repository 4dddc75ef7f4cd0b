import { AppError } from "../../../kernel/app-error.ts";
import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import { shardOf } from "../../jobs/model.ts";
import type { StepView } from "../core/model.ts";
import { stepsOf } from "../core/step-views.ts";
import type { FlowCatalogue } from "../engine/engine-deps.ts";
import type { FlowRunStore, RecordedRow } from "../engine/flow-run-store.ts";
import { type ReplayedRun, replay } from "../engine/replay.ts";
import { Values } from "../engine/values.ts";
import type { FlowEventView, FlowRunView, FlowStepView } from "./contract.ts";

/** What people see of runs, read from the tables: any replica can say it, whoever owns the run. */
export interface RunReader {
  /** Errors: not_found for what is no run of a flow. */
  run(workspace: WorkspaceId, flow: JobId): Promise<ReplayedRun>;
  view(workspace: WorkspaceId, flow: JobId): Promise<FlowRunView>;
  events(workspace: WorkspaceId, flow: JobId, after: number, limit: number): Promise<FlowEventView[]>;
  /** JSON text of the result of the step of `early_return`; undefined while it has none. */
  early(workspace: WorkspaceId, flow: JobId): Promise<string | undefined>;
}

const EARLY_CACHE_BYTES = 8 * 1024 * 1024;

/** @param resultMaxBytes of a value that is put together of several */
export function createRunReader(store: FlowRunStore, catalogue: Pick<FlowCatalogue, "loadFlow">, resultMaxBytes: number): RunReader {
  const values = new Values(store, EARLY_CACHE_BYTES, resultMaxBytes);
  async function run(workspace: WorkspaceId, flow: JobId): Promise<ReplayedRun> {
    const stored = await store.load(workspace, flow);
    if (stored === undefined || !stored.isFlow) throw new AppError("not_found", `job ${flow} is not the run of a flow`);
    return replay(await catalogue.loadFlow(workspace, stored.source), stored);
  }
  return {
    run,
    async view(workspace, flow) {
      const { flow: runnable, state, seq } = await run(workspace, flow);
      return { job: flow, events: seq, steps: stepsOf(runnable.definition, state).map(presentStep) };
    },
    async early(workspace, id) {
      const { flow, state } = await run(workspace, id);
      if (state.early === undefined) return undefined;
      const owner = { job: { id, workspace, shard: shardOf(workspace) }, definition: flow.definition };
      await values.load(owner, [state.early]);
      return values.text(owner, state.early) ?? "null";
    },
    async events(workspace, flow, after, limit) {
      const rows = await store.events(workspace, flow, after, limit);
      return rows
        .flatMap(eventsOf)
        .filter(({ seq }) => seq > after)
        .slice(0, limit);
    },
  };
}

function presentStep({ place, status, job, attempt, done, count, untilMs, asks }: StepView): FlowStepView {
  return {
    step: place,
    status,
    attempt,
    ...(job !== undefined && { job }),
    ...(done !== undefined && { done }),
    ...(count !== undefined && { count }),
    ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
    ...(asks !== undefined && { evaluating: asks }),
  };
}

function eventsOf({ seq: last, events }: RecordedRow): FlowEventView[] {
  return events.map((event, at) => {
    const { kind, atMs, format: _format, ...rest } = event;
    const { place, ...more } = "place" in rest ? rest : { ...rest, place: undefined };
    return { seq: last - events.length + 1 + at, at: new Date(atMs).toISOString(), kind, ...(place !== undefined && { step: place }), ...more };
  });
}
