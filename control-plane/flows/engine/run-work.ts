import { AppError, messageOf } from "../../../kernel/app-error.ts";
import { assertNever } from "../../../kernel/assert-never.ts";
import type { WaitingJob } from "../../scheduler/core/model.ts";
import { askedOf } from "../core/asked-of.ts";
import type { Command } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import type { Evaluated } from "./evaluation.ts";
import { flowKey } from "./kept-results.ts";
import { inputsOf } from "./module-inputs.ts";
import type { RunInput } from "./run-inputs.ts";
import { NOT_THERE, type RunParts, startParts } from "./run-parts.ts";
import type { RunState } from "./run-state.ts";

/** What takes longer, of a command: values are read, expressions evaluated by workers. Errors: those of the database; of a finish out_of_range. */
export async function workOn(parts: RunParts, job: WaitingJob, state: RunState, command: Command): Promise<RunInput> {
  const { evaluator, starter, values } = parts;
  switch (command.kind) {
    case "ask": {
      const transform = askedOf(state.definition, command);
      const evaluated = transform === undefined ? NOT_THERE : await orError(() => evaluator.later(state.at(command.place), transform));
      return { kind: "asked", command, evaluated };
    }
    case "run": {
      try {
        return { kind: "prepared", command, started: await starter.later(startParts(parts, job, state, command), state.at(command.place)) };
      } catch (error) {
        return { kind: "prepared", command, started: { kind: "failed", message: tooMuch(error) } };
      }
    }
    case "pass": {
      const module = moduleAt(state.definition, command.place);
      const inputs = module === undefined ? {} : inputsOf(module);
      return { kind: "passing", command, evaluated: await orError(() => evaluator.argumentsLater(state.at(command.place), inputs)) };
    }
    case "recall": {
      const json = state.hasNewInputs ? undefined : await parts.deps.store.kept(job.workspace, flowKey(state.source));
      return { kind: "recalled", command, json };
    }
    case "finish":
      await values.load(state.owner, [command.value]);
      return { kind: "loaded", command };
    case "timer":
    case "invite":
    case "go_on":
    case "cancel_job":
    case "answer_early":
      return { kind: "go" };
    default:
      return assertNever(command);
  }
}

async function orError(evaluate: () => Promise<Evaluated>): Promise<Evaluated> {
  try {
    return await evaluate();
  } catch (error) {
    return { kind: "error", message: tooMuch(error) };
  }
}

/** What is too large is the step's own failure. Errors: all others, again. */
function tooMuch(error: unknown): string {
  if (AppError.from(error).code !== "out_of_range") throw error;
  return messageOf(error);
}
