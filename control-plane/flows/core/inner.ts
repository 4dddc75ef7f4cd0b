import type { Module } from "../model.ts";
import { insideOf } from "../module-expressions.ts";
import type { Inner, StepDone, StepState } from "./state.ts";

/** What expressions behind a branch or a loop may name of the steps within: those of this block, and what is within them. Undefined when that is nothing. */
export function innerOf(modules: readonly Module[], done: readonly StepDone[]): Inner | undefined {
  const inner: Record<string, StepDone["value"]> = {};
  for (const [at, step] of done.entries()) {
    const module = modules[at];
    if (module === undefined) continue;
    Object.assign(inner, step.inner);
    inner[module.id] = step.value;
  }
  return done.length === 0 ? undefined : inner;
}

/** Ids of all steps within a step. */
export function idsWithin(module: Module): string[] {
  return insideOf(module).flatMap((list) => list.flatMap((one) => [one.id, ...idsWithin(one)]));
}

/** The work of a step is done. */
export function setInner(step: StepState, inner: Inner | undefined): void {
  if (inner === undefined) delete step.inner;
  else step.inner = inner;
}
