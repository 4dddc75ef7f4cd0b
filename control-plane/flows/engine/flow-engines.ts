import { realClock } from "../../../kernel/clock.ts";
import { createJobIdGenerator } from "../../../kernel/ids.ts";
import type { Pool } from "../../db/pools.ts";
import type { FlowHost, FlowRunner } from "../../scheduler/flow-port.ts";
import type { ScriptCache } from "../../scripts/script-cache.ts";
import type { Workspaces } from "../../workspaces/workspace-store.ts";
import type { Flows } from "../open-flows.ts";
import { createRunReader, type RunReader } from "../runs/run-reader.ts";
import type { FlowCatalogue, FlowEngineDeps } from "./engine-deps.ts";
import { createFlowCatalogue } from "./flow-catalogue.ts";
import { FlowEngine } from "./flow-engine.ts";
import type { FlowEngineMetrics } from "./flow-engine-metrics.ts";
import { createFlowRunStore, type FlowRunStore } from "./flow-run-store.ts";

export interface EngineParts {
  readonly pools: { readonly api: Pool; readonly owner: Pool };
  readonly flows: Flows;
  readonly scripts: ScriptCache;
  readonly workspaces: Workspaces;
  readonly resultMaxBytes: number;
  readonly metrics: FlowEngineMetrics;
  readonly values: Pick<FlowCatalogue, "variables" | "resources">;
}

/** What runs flows, and what reads of their runs. */
export interface FlowEngines {
  /** Makes the engine of an owner. */
  readonly make: (host: FlowHost) => FlowRunner;
  readonly reader: RunReader;
  /** For what the API reads. */
  readonly store: FlowRunStore;
}

export function flowEngines({ pools, flows, scripts, workspaces, resultMaxBytes, metrics, values }: EngineParts): FlowEngines {
  const catalogue = createFlowCatalogue({ pool: pools.api, flows: flows.cache, scripts, workspaces, ...values });
  const deps: FlowEngineDeps = {
    store: createFlowRunStore(pools.owner),
    catalogue,
    expressions: flows.expressions,
    newJobId: createJobIdGenerator(() => realClock.wallMs()),
    resultMaxBytes,
    metrics,
  };
  const store = createFlowRunStore(pools.api);
  return { make: (host) => new FlowEngine(host, deps), reader: createRunReader(store, catalogue, resultMaxBytes), store };
}
