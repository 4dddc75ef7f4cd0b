import type { FieldError } from "../../kernel/app-error.ts";
import { escapePointer } from "./field-reader.ts";
import type { StepPath } from "./step-paths.ts";

/**
 * Arguments that a step gives a script and that it does not take, and those that it needs and does not get. Values are not looked at: most of them
 * are only known in a run.
 * @param schema of the script's arguments, as inferred from its `main`
 */
export function inputProblems({ step, path, inputs: given, pointer }: StepPath, schema: Readonly<Record<string, unknown>>): FieldError[] {
  const { properties, required, additionalProperties } = schema;
  const known = typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  const unknown = additionalProperties === false ? given.filter((name) => !known.includes(name)) : [];
  const takes = known.length === 0 ? "it takes none" : `it takes ${known.join(", ")}`;
  return [
    ...unknown.map((name) => ({
      pointer: `${pointer}/input_transforms/${escapePointer(name)}`,
      message: `step ${step}: ${path} has no argument ${name}: ${takes}`,
    })),
    ...needed
      .filter((name) => typeof name === "string" && !given.includes(name))
      .map((name) => ({ pointer: `${pointer}/input_transforms`, message: `step ${step}: ${path} needs the argument ${String(name)}` })),
  ];
}
