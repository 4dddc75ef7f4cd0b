import { agentLife } from "./agent-life.ts";
import { agentsSweep } from "./agents-sweep.ts";
import { burst } from "./burst.ts";
import { failOver } from "./fail-over.ts";
import { flowBenchmark } from "./flow-benchmark.ts";
import { flows } from "./flows.ts";
import { heldSnapshot } from "./held-snapshot.ts";
import { history } from "./history.ts";
import { idleLatency } from "./idle-latency.ts";
import { manyTenants } from "./many-tenants.ts";
import { noisyNeighbour } from "./noisy-neighbour.ts";
import { packing } from "./packing.ts";
import { partitionDrop } from "./partition-drop.ts";
import type { Scenario } from "./scenario.ts";
import { schedules } from "./schedules.ts";
import { startOverhead } from "./start-overhead.ts";
import { sustained } from "./sustained.ts";

/** In the order in which `all` runs them. */
export const SCENARIOS: readonly Scenario[] = [
  idleLatency,
  startOverhead,
  sustained,
  burst,
  noisyNeighbour,
  agentsSweep,
  manyTenants,
  heldSnapshot,
  history,
  failOver,
  partitionDrop,
  agentLife,
  packing,
  flows,
  schedules,
  flowBenchmark,
];
