import type { JobId } from "../../../kernel/ids.ts";
import type { FlowDefinition } from "../model.ts";
import { advance } from "./advance.ts";
import type { Approval, FlowEvent, Place, ValueRef } from "./model.ts";
import { type Branch, newFlowState, type StepDone } from "./state.ts";

/** A run that is over, or was cancelled, as it is stored. */
export interface PastRun {
  readonly job: JobId;
  readonly definition: FlowDefinition;
  readonly events: readonly FlowEvent[];
}

/** What a run came to know at the places that a restart passes. */
export interface Past {
  readonly job: JobId;
  readonly definition: FlowDefinition;
  readonly preprocess: boolean;
  /** Steps and iterations that were over; the last time counts. */
  readonly over: ReadonlyMap<Place, { readonly done: StepDone; readonly approvals: readonly Approval[] | undefined }>;
  readonly lists: ReadonlyMap<Place, { readonly count: number; readonly run: JobId }>;
  readonly parallelism: ReadonlyMap<Place, number>;
  /** Of each branchone the branch that was tried last, and whether it was taken. */
  readonly branches: ReadonlyMap<Place, { readonly branch: number; readonly taken: boolean }>;
  /** The last job of the step at which the run is to go on. */
  readonly stepJob: JobId | undefined;
}

/** Reads the log of a run, piece by piece. */
export interface PastReader {
  take(events: readonly FlowEvent[]): void;
  /** What is known by now. */
  past(): Past;
}

/**
 * @param matters whether a restart may need what was known at a place: all others are forgotten
 * @param step the one at which the run is to go on
 */
export function pastReader({ job, definition }: Omit<PastRun, "events">, step: Place, matters: (place: Place) => boolean): PastReader {
  const over = new Map<Place, { done: StepDone; approvals: readonly Approval[] | undefined }>();
  const lists = new Map<Place, { count: number; run: JobId }>();
  const parallelism = new Map<Place, number>();
  const branches = new Map<Place, { branch: number; taken: boolean }>();
  let preprocess = false;
  let stepJob: JobId | undefined;
  const state = newFlowState();
  const takeOne = (event: FlowEvent): void => {
    if (event.kind === "flow_started") preprocess = event.preprocess;
    else if (event.kind === "iterator_opened") lists.set(event.place, { count: event.count, run: event.run ?? job });
    else if (event.kind === "parallelism_decided") parallelism.set(event.place, event.most);
    else if (event.kind === "branch_decided") branches.set(event.place, event);
    else if (event.kind === "started" && event.place === step) stepJob = event.job;
    advance(definition, state, event, (place, done, approvals) => {
      if (!matters(place)) return;
      const inner = Object.entries(done.inner ?? {}).map(([id, value]) => [id, ownedBy(job, value)] as const);
      over.set(place, { done: { ...done, value: ownedBy(job, done.value), ...(inner.length > 0 && { inner: Object.fromEntries(inner) }) }, approvals });
    });
  };
  return {
    take: (events) => events.forEach(takeOne),
    past: () => ({ job, definition, preprocess, over, lists, parallelism, branches, stepJob }),
  };
}

/** The branch that a branchone went into; undefined when it did not come so far. */
export function branchTaken(past: Past, place: Place, count: number): Branch | undefined {
  const last = past.branches.get(place);
  if (last?.taken === true) return last.branch;
  return count === 0 || last?.branch === count - 1 ? "default" : undefined;
}

/** Items of lists stay with the run that made them. */
function ownedBy(run: JobId, value: ValueRef): ValueRef {
  return value.kind === "list" && value.run === undefined ? { ...value, run } : value;
}
