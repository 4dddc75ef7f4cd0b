import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type TaskOutcome = "done" | "elsewhere" | "failed";

/** What housekeeping last saw of the days; read at the moment of a scrape. */
interface PartitionView {
  /** Days from now to the end of the last day for which every table is there. */
  aheadDays(): number;
  /** Age of the oldest day that is still there. */
  oldestDays(): number;
  /** Age of the oldest day whose output should be packed and is not; 0 when there is none. */
  packLagDays(): number;
}

/** What housekeeping counts. Each replica counts what it did itself: sum over replicas. */
export interface HousekeepingMetrics {
  ran(task: string, outcome: TaskOutcome, tookMs: number): void;
  retained(dropped: number, thinned: number, held: number): void;
  archived(rows: number, sizeBytes: number): void;
  packed(chunks: number, sizeBytes: number): void;
  observe(view: PartitionView): void;
}

export function createHousekeepingMetrics(registry: Registry): HousekeepingMetrics {
  const registers = [registry];
  let view: PartitionView | undefined;
  const gauge = (name: string, help: string, read: (from: PartitionView) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(view === undefined ? 0 : read(view));
      },
    });
  };
  gauge("millrace_partitions_ahead_days", "Days ahead for which there are tables", (from) => from.aheadDays());
  gauge("millrace_partitions_oldest_days", "Age of the oldest day that is kept", (from) => from.oldestDays());
  gauge("millrace_log_pack_lag_days", "Age of the oldest day whose output should be packed and is not", (from) => from.packLagDays());
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const runs = new Counter({ name: "millrace_housekeeping_runs_total", help: "Rounds of a task", labelNames: ["task", "outcome"], registers });
  const seconds = new Histogram({
    name: "millrace_housekeeping_seconds",
    help: "Time of one round of a task",
    labelNames: ["task"],
    buckets: [0.01, 0.1, 1, 10, 60, 600, 3600],
    registers,
  });
  const dropped = counter("millrace_partitions_dropped_total", "Tables of past days that were dropped");
  const thinned = counter("millrace_partitions_thinned_total", "Tables of past days that were emptied but for jobs that are not over");
  const held = counter("millrace_partitions_held_total", "Past days that could not be let go in a round");
  const archivedRows = counter("millrace_archived_rows_total", "Rows copied to the archive");
  const archivedBytes = counter("millrace_archived_bytes_total", "Compressed bytes of the archive");
  const packedChunks = counter("millrace_packed_chunks_total", "Chunks of output moved to packs");
  const packedBytes = counter("millrace_packed_bytes_total", "Compressed bytes of packs");
  return {
    ran(task, outcome, tookMs) {
      runs.inc({ task, outcome });
      if (outcome !== "elsewhere") seconds.observe({ task }, tookMs / 1000);
    },
    retained(droppedTables, thinnedTables, heldDays) {
      dropped.inc(droppedTables);
      thinned.inc(thinnedTables);
      held.inc(heldDays);
    },
    archived(rows, sizeBytes) {
      archivedRows.inc(rows);
      archivedBytes.inc(sizeBytes);
    },
    packed(chunks, sizeBytes) {
      packedChunks.inc(chunks);
      packedBytes.inc(sizeBytes);
    },
    observe(from) {
      view = from;
    },
  };
}
