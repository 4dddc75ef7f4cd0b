import type { Command, Place, Question } from "./model.ts";
import { mayBegin, type StepState } from "./state.ts";

/**
 * What is to be carried out for a step in its phase, apart from the steps within it. All that a run wants follows from its phases: entering
 * one gives its commands, and after a crash they are given again.
 */
export function phaseCommands(place: Place, step: StepState): Command[] {
  const { phase } = step;
  switch (phase.kind) {
    case "asking":
      return [askCommand(place, phase.question, phase.branch)];
    case "passing":
      return [{ kind: "pass", place }];
    case "starting":
      return [{ kind: "run", place, attempt: step.attempt }];
    case "retrying":
    case "sleeping":
      return [{ kind: "timer", place, atMs: phase.untilMs }];
    case "suspended": {
      const invite: Command = { kind: "invite", place };
      return phase.untilMs === undefined ? [invite] : [invite, { kind: "timer", place, atMs: phase.untilMs }];
    }
    case "list":
      return mayBegin(phase.list) ? [{ kind: "go_on", place }] : [];
    case "running":
    case "choice":
      return [];
  }
}

export function askCommand(place: Place, question: Question, branch?: number): Command {
  return branch === undefined ? { kind: "ask", place, question } : { kind: "ask", place, question, branch };
}
