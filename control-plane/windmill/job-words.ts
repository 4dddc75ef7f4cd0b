import { AppError } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import { FAILURE_PLACE, PREPROCESSOR_PLACE } from "../flows/core/place.ts";
import type { FlowStepView } from "../flows/runs/contract.ts";
import type { RunReader } from "../flows/runs/run-reader.ts";
import type { Caller } from "../http/authorize.ts";
import type { JobView } from "../jobs/contract.ts";
import type { JobService } from "../jobs/job-service.ts";
import { FLOW_LANGUAGE } from "../scheduler/core/flow-agent.ts";

export interface ReadJobs {
  readonly jobs: Pick<JobService, "get" | "result">;
  readonly runs: Pick<RunReader, "view">;
}

/** A job in Windmill's words, as JSON text. Errors: not_found. */
export async function jobInTheirWords({ jobs, runs }: ReadJobs, caller: Caller, id: JobId): Promise<string> {
  const view = await jobs.get(caller, id);
  const ended = view.finished_at !== undefined;
  const steps = view.language === FLOW_LANGUAGE ? await stepsOf(runs, caller, id) : undefined;
  const head = JSON.stringify({ ...describe(caller, view, ended), ...(steps !== undefined && { flow_status: flowStatus(steps) }) });
  return ended ? `${head.slice(0, -1)},"result":${await jobs.result(caller, id)}}` : head;
}

/** None of a run that has not begun, or is being forgotten. */
async function stepsOf(runs: ReadJobs["runs"], { workspace }: Caller, id: JobId): Promise<readonly FlowStepView[]> {
  try {
    return (await runs.view(workspace.id, id)).steps;
  } catch (error) {
    if (AppError.from(error).code === "not_found") return [];
    throw error;
  }
}

const STEP_TYPES = {
  waiting: "WaitingForPriorSteps",
  running: "InProgress",
  sleeping: "InProgress",
  retrying: "InProgress",
  suspended: "WaitingForEvents",
  succeeded: "Success",
  skipped: "Success",
  failed: "Failure",
  cancelled: "Failure",
} as const satisfies Record<FlowStepView["status"], string>;

/** Their command line counts the steps of a flow by it. What is within a step is told by our own API alone. */
export function flowStatus(steps: readonly FlowStepView[]): object {
  const told = steps.filter(({ step }) => !step.includes("/")).map(({ step, status, job }) => ({ id: step, type: STEP_TYPES[status], job }));
  const aside = (place: string) => told.find(({ id }) => id === place);
  const modules = told.filter(({ id }) => id !== PREPROCESSOR_PLACE && id !== FAILURE_PLACE);
  const over = modules.findIndex(({ type }) => type !== "Success");
  return {
    step: over === -1 ? modules.length : over,
    modules,
    preprocessor_module: aside(PREPROCESSOR_PLACE),
    failure_module: aside(FAILURE_PLACE) ?? { id: FAILURE_PLACE, type: STEP_TYPES.waiting },
  };
}

function kindOf({ kind, language, flow, script }: JobView): string {
  // Of steps, too: one may be a flow itself.
  if (language === FLOW_LANGUAGE) return flow === undefined ? "flowpreview" : "flow";
  if (kind === "dependencies") return "dependencies";
  return script === undefined ? "preview" : "script";
}

function describe(caller: Caller, view: JobView, ended: boolean): object {
  const cancelled = view.status === "cancelled";
  return {
    type: ended ? "CompletedJob" : "QueuedJob",
    workspace_id: caller.workspace.name,
    id: view.id,
    job_kind: kindOf(view),
    script_path: view.script ?? view.flow,
    script_hash: view.hash,
    language: view.language,
    tag: view.tag,
    created_by: view.created_by,
    created_at: view.created_at,
    started_at: view.started_at,
    ...(ended ? { success: view.status === "succeeded", duration_ms: view.run_ms } : { running: view.status === "running", scheduled_for: view.scheduled_for }),
    canceled: cancelled,
    ...(cancelled && { canceled_reason: view.exit?.message }),
    is_flow_step: view.parent !== undefined,
    ...(view.parent !== undefined && { parent_job: view.parent, flow_step_id: view.step }),
  };
}
