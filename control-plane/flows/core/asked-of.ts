import { assertNever } from "../../../kernel/assert-never.ts";
import type { FlowDefinition, Transform } from "../model.ts";
import type { Command } from "./model.ts";
import { moduleAt } from "./place.ts";

/** What an `ask` asks to be evaluated. @returns undefined when the definition has no such question */
export function askedOf(definition: FlowDefinition, { place, question, branch }: Extract<Command, { kind: "ask" }>): Transform | undefined {
  if (question === "flow_skip") return expression(definition.skipExpr);
  const module = moduleAt(definition, place);
  const value = module?.value;
  switch (question) {
    case "skip":
      return expression(module?.skipIf);
    case "branch":
      return value?.kind === "branchone" ? expression(value.branches[branch ?? 0]?.expr) : undefined;
    case "iterator":
      return value?.kind === "forloop" ? value.iterator : undefined;
    case "parallelism":
      return value?.kind === "forloop" ? value.parallelism : undefined;
    case "stop":
      return expression(module?.stopAfterIf?.expr);
    case "stop_all":
      return expression(module?.stopAfterAllItersIf?.expr);
    case "sleep":
      return module?.sleep;
    case "retry_if":
      return expression(module?.retry?.retryIf);
    default:
      return assertNever(question);
  }
}

function expression(source: string | undefined): Transform | undefined {
  return source === undefined ? undefined : { kind: "expression", source };
}
