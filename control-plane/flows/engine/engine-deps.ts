import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import type { ScriptVersion } from "../../scripts/script-store.ts";
import type { Expressions } from "../expressions/expressions.ts";
import type { FlowDefinition } from "../model.ts";
import type { FlowEngineMetrics } from "./flow-engine-metrics.ts";
import type { FlowRunStore, FlowSource } from "./flow-run-store.ts";

/** A definition with where it comes from. */
export interface RunnableFlow {
  readonly definition: FlowDefinition;
  /** Of a deployed flow. */
  readonly path: string | undefined;
}

/** Where the engine finds what runs and steps name. What is at hand comes at once; the rest has to be loaded. */
export interface FlowCatalogue {
  flow(workspace: WorkspaceId, source: FlowSource): RunnableFlow | undefined;
  /** Errors: not_found for a version that does not exist; invalid_argument for a document that is no flow. */
  loadFlow(workspace: WorkspaceId, source: FlowSource): Promise<RunnableFlow>;
  /** The version of a flow that a step runs now. Errors: not_found. */
  currentFlow(workspace: WorkspaceId, path: string): Promise<{ readonly hash: string }>;
  /** The version of a script that a step runs. Errors: not_found. */
  script(workspace: WorkspaceId, path: string, hash: string | undefined): Promise<ScriptVersion>;
  workspaceNameNow(workspace: WorkspaceId): string | undefined;
  workspaceName(workspace: WorkspaceId): Promise<string>;
  /** Values for `variable(path)` and `resource(path)` in expressions; those that do not exist, and those that whoever started the run may not read, are left out. A secret is undefined: only running jobs read it. */
  variables(workspace: WorkspaceId, paths: readonly string[], flow: JobId): Promise<ReadonlyMap<string, Json | undefined>>;
  resources(workspace: WorkspaceId, paths: readonly string[], flow: JobId): Promise<ReadonlyMap<string, Json>>;
}

/** What the engines of all owners of a process share. */
export interface FlowEngineDeps {
  readonly store: FlowRunStore;
  readonly catalogue: FlowCatalogue;
  readonly expressions: Expressions;
  readonly newJobId: () => JobId;
  /** Of a step or a run, bytes of JSON. */
  readonly resultMaxBytes: number;
  readonly metrics: FlowEngineMetrics;
}
