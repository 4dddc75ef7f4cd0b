import type { Module, Transforms } from "../model.ts";

/** Arguments of a step: identities and everything that has a job have some. */
export function inputsOf({ value }: Module): Transforms {
  return "inputs" in value ? value.inputs : {};
}
