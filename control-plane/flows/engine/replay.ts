import { advance } from "../core/advance.ts";
import { type FlowState, newFlowState } from "../core/state.ts";
import type { RunnableFlow } from "./engine-deps.ts";
import type { StoredRun } from "./flow-run-store.ts";

/** A run as its definition and its events make it. */
export interface ReplayedRun {
  readonly flow: RunnableFlow;
  readonly source: StoredRun["source"];
  readonly state: FlowState;
  /** Number of its last event. */
  readonly seq: number;
}

/** A state is a function of the events: from the one that was stored last, by those that came after it. */
export function replay(flow: RunnableFlow, { source, state: stored, stateSeq, events }: Omit<StoredRun, "isFlow">): ReplayedRun {
  let state = stored ?? newFlowState();
  for (const event of events) state = advance(flow.definition, state, event).state;
  return { flow, source, state, seq: stateSeq + events.length };
}
