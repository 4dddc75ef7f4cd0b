import { Counter, Histogram, type Registry } from "prom-client";

type TickOutcome = "started" | "waiting" | "skipped" | "missed" | "failed";

/** What schedules count. Each replica counts what it did itself: sum over replicas. */
export interface ScheduleMetrics {
  /** What became of a tick; of missed ones once for all that were missed together. */
  ticked(outcome: TickOutcome): void;
  /** From a tick until its job was durable. */
  drifted(ms: number): void;
}

export function createScheduleMetrics(registry: Registry): ScheduleMetrics {
  const registers = [registry];
  const ticks = new Counter({ name: "millrace_schedule_ticks_total", help: "Ticks of schedules", labelNames: ["outcome"], registers });
  const drift = new Histogram({
    name: "millrace_schedule_drift_seconds",
    help: "From a tick until its job was accepted",
    buckets: [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60],
    registers,
  });
  return {
    ticked: (outcome) => ticks.inc({ outcome }),
    drifted: (ms) => drift.observe(Math.max(0, ms) / 1000),
  };
}
