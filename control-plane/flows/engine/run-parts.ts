import { AppError } from "../../../kernel/app-error.ts";
import type { WaitingJob } from "../../scheduler/core/model.ts";
import type { FlowHost } from "../../scheduler/flow-port.ts";
import { moduleAt } from "../core/place.ts";
import type { FlowEngineDeps } from "./engine-deps.ts";
import type { Evaluated, Evaluator } from "./evaluation.ts";
import type { Lanes } from "./lanes.ts";
import type { RunCommand } from "./run-inputs.ts";
import type { RunState } from "./run-state.ts";
import type { StartParts, StepStarter } from "./step-starter.ts";
import type { Values } from "./values.ts";

/** What the runs of one owner share. */
export interface RunParts {
  readonly host: FlowHost;
  readonly deps: FlowEngineDeps;
  readonly values: Values;
  readonly evaluator: Evaluator;
  readonly starter: StepStarter;
  /** So much of what takes longer is done at the same time. */
  readonly lanes: Lanes;
  /** A run has ended of whose steps some are to be deleted. */
  readonly lookForUsed: () => void;
}

/** Whole milliseconds: what is stored comes back as it was. */
export const wallMs = ({ host }: RunParts): number => Math.floor(host.clock.wallMs());

export const NOT_THERE: Evaluated = { kind: "error", message: "the definition has no such expression" };

/** Errors: internal for a place that the definition does not have. */
export function startParts(parts: RunParts, job: WaitingJob, state: RunState, { place, attempt }: Pick<RunCommand, "place" | "attempt">): StartParts {
  const module = moduleAt(state.definition, place);
  if (module === undefined) throw new AppError("internal", `the flow has no step at ${place}`);
  const { flow, source, definition } = state;
  const restart = job.policy?.restart;
  // Only once: when it fails and is tried again, it is tried as a whole.
  const sub = restart?.step === place && attempt === 1 ? restart.sub : undefined;
  return {
    flow: job,
    flowPath: flow.path,
    definition,
    createdBy: source.createdBy,
    place,
    module,
    sub,
    hasNewInputs: state.hasNewInputs,
    folder: state.folder,
    nowMs: wallMs(parts),
  };
}
