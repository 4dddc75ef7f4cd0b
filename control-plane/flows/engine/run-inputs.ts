import type { Outcome } from "../../../kernel/exit.ts";
import type { AgentKey, JobId } from "../../../kernel/ids.ts";
import type { Write } from "../../jobs/model.ts";
import type { StepOf } from "../../scheduler/core/retry-core.ts";
import type { Command, Place } from "../core/model.ts";
import type { Evaluated } from "./evaluation.ts";
import type { StoredApproval } from "./flow-run-store.ts";
import type { Started } from "./step-starter.ts";

export type RunCommand = Extract<Command, { kind: "run" }>;
export type AskCommand = Extract<Command, { kind: "ask" }>;
type RecallCommand = Extract<Command, { kind: "recall" }>;
export type PassCommand = Extract<Command, { kind: "pass" }>;

/** What a run has to deal with, in the order in which it came. */
export type RunInput =
  /** It begins, or goes on after it was loaded. */
  | { readonly kind: "go" }
  /** The job of a step has ended. @param writes to go along with what follows; none when the end is committed already */
  | {
      readonly kind: "ended";
      readonly job: JobId;
      readonly place: Place;
      readonly outcome: Outcome;
      readonly resultJson: string;
      readonly writes: readonly Write[];
      /** The end was refused before, as it was: it is about its own result now. */
      readonly mended: boolean;
      /** Its result is to be kept for others. */
      readonly cache?: StepOf["cache"];
      /** Where it ran, of a step that shares a folder with others. */
      readonly agent?: AgentKey | undefined;
      readonly folderLost?: boolean;
    }
  | { readonly kind: "asked"; readonly command: AskCommand; readonly evaluated: Evaluated }
  | { readonly kind: "prepared"; readonly command: RunCommand; readonly started: Started }
  | { readonly kind: "passing"; readonly command: PassCommand; readonly evaluated: Evaluated }
  /** @param json a result that was kept; undefined: there is none */
  | { readonly kind: "recalled"; readonly command: RecallCommand; readonly json: string | undefined }
  /** The value of the run's end is at hand. */
  | { readonly kind: "loaded"; readonly command: Extract<Command, { kind: "finish" }> }
  | { readonly kind: "approval"; readonly approval: StoredApproval }
  | { readonly kind: "due" }
  | { readonly kind: "cancel"; readonly by: string; readonly reason: string };

const MOST_INPUTS = 64;
/** What a turn writes is never parted: a loop may hand the same megabyte to a thousand steps. */
export const TURN_BYTES = 4 * 1024 * 1024;

/** How many of the inputs are taken in one turn; one at least. */
export function ofOneTurn(inputs: readonly RunInput[]): number {
  let bytes = 0;
  for (const [at, input] of inputs.slice(0, MOST_INPUTS).entries()) {
    bytes += bytesOf(input);
    if (bytes > TURN_BYTES) return Math.max(1, at);
  }
  return MOST_INPUTS;
}

function bytesOf(input: RunInput): number {
  if (input.kind === "ended") return input.resultJson.length;
  return input.kind === "prepared" && input.started.kind === "job" ? input.started.made.payload.argsJson.length : 0;
}
