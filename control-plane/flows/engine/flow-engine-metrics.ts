/** What engines report. */
export interface FlowEngineMetrics {
  /** A transition of a flow was committed, with so many events. */
  transition(events: number): void;
}
