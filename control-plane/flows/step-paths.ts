import type { Module } from "./model.ts";
import { insideOf } from "./module-expressions.ts";
import type { ParsedFlow } from "./parse.ts";

/** Something outside of the document that a step runs. */
export interface StepPath {
  readonly kind: "script" | "flow";
  readonly step: string;
  readonly path: string;
  /** One version of a script. */
  readonly hash: string | undefined;
  /** Names of the arguments that it is given. */
  readonly inputs: readonly string[];
  /** JSON pointer of the step's `value`. */
  readonly pointer: string;
}

/** Every script and flow that a flow runs, in the order of the document. */
export function stepPaths({ definition, pointers }: Pick<ParsedFlow, "definition" | "pointers">): readonly StepPath[] {
  const found: StepPath[] = [];
  const look = (module: Module): void => {
    const { value, id } = module;
    const pointer = `${pointers.get(id) ?? ""}/value`;
    if (value.kind === "script") found.push({ kind: "script", step: id, path: value.path, hash: value.hash, inputs: Object.keys(value.inputs), pointer });
    if (value.kind === "flow") found.push({ kind: "flow", step: id, path: value.path, hash: undefined, inputs: Object.keys(value.inputs), pointer });
    for (const list of insideOf(module)) list.forEach(look);
  };
  const { preprocessor, modules, failureModule } = definition;
  for (const module of [preprocessor, ...modules, failureModule]) if (module !== undefined) look(module);
  return found;
}
