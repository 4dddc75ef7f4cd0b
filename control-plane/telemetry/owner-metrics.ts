import type { ExitReason, Outcome } from "../../kernel/exit.ts";

/** What an owner counts. Kept apart from prom-client so that the scheduler can be driven without it. */
export interface OwnerMetrics {
  /** Milliseconds from due to the first hand-over to an agent's stream. */
  dispatched(sinceDueMs: number): void;
  /** Milliseconds from due to the start of the process. */
  started(sinceDueMs: number): void;
  ended(outcome: Outcome, reason: ExitReason): void;
  lost(): void;
}
