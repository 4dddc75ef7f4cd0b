import type { FlowEvent } from "./model.ts";
import type { FlowState } from "./state.ts";

/**
 * Of the logs that this release writes. A member of an event that changes the state, or another meaning of one, raises it: a release that does not know
 * it would go on with another state than the one that its writer had. A new kind of event need not: it is noticed by its name.
 */
export const LOG_FORMAT = 2;

const KINDS: Readonly<Record<FlowEvent["kind"], true>> = {
  flow_started: true,
  recalled: true,
  flow_skip_decided: true,
  skip_decided: true,
  branch_decided: true,
  iterator_opened: true,
  parallelism_decided: true,
  evaluation_failed: true,
  started: true,
  cached: true,
  passed: true,
  ended: true,
  retry_decided: true,
  stop_decided: true,
  slept: true,
  woke: true,
  went_on: true,
  approval: true,
  reused: true,
  cancel_asked: true,
};

/** Whether this release knows all that a run has in its log. If not, a newer one has written it, and only a newer one may go on with it. */
export function isReadable(state: Pick<FlowState, "format"> | undefined, events: readonly Pick<FlowEvent, "kind" | "format">[]): boolean {
  const isKnown = ({ format = 0 }: { readonly format?: number }): boolean => format <= LOG_FORMAT;
  return (state === undefined || isKnown(state)) && events.every((event) => isKnown(event) && Object.hasOwn(KINDS, event.kind));
}
