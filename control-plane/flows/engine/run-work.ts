import { AppError, messageOf } from "../../../kernel/app-error.ts";
import { assertNever } from "../../../kernel/assert-never.ts";
import type { WaitingJob } from "../../scheduler/core/model.ts";
import { askedOf } from "../core/asked-of.ts";
import type { Command } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import type { Evaluated } from "./evaluation.ts";
import type { RunInput } from "./run-inputs.ts";
import { NOT_THERE, type RunParts, startParts } from "./run-parts.ts";
import type { RunState } from "./run-state.ts";
import { inputsOf } from "./step-starter.ts";

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
      const { place } = command;
      try {
        return { kind: "prepared", command, started: await starter.later(startParts(parts, job, state, place), state.at(place)) };
      } catch (error) {
        return { kind: "prepared", command, started: { kind: "failed", message: tooMuch(error) } };
      }
    }
    case "pass": {
      const module = moduleAt(state.definition, command.place);
      const inputs = module === undefined ? {} : inputsOf(module);
      return { kind: "passing", command, evaluated: await orError(() => evaluator.argumentsLater(state.at(command.place), inputs)) };
    }
    case "finish":
      await values.load(state.owner, [command.value]);
      return { kind: "loaded", command };
    case "timer":
    case "invite":
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
