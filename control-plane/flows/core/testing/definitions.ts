/** Short ways to write flows down in tests. */
import type { Branch, FlowDefinition, Module, ModuleValue, SuspendRule, Transform } from "../../model.ts";

type Extra = Partial<Omit<Module, "id" | "value">>;

export const expression = (source: string): Transform => ({ kind: "expression", source });

export function flow(modules: readonly Module[], extra: Partial<FlowDefinition> = {}): FlowDefinition {
  return { modules, sameWorker: false, env: {}, ...extra };
}

export function step(id: string, extra: Extra = {}): Module {
  return { id, value: { kind: "script", path: `f/${id}`, inputs: {} }, ...extra };
}

export function identity(id: string, extra: Extra = {}): Module {
  return { id, value: { kind: "identity", inputs: {} }, ...extra };
}

export function forloop(id: string, modules: readonly Module[], value: Partial<Extract<ModuleValue, { kind: "forloop" }>> = {}, extra: Extra = {}): Module {
  return { id, value: { kind: "forloop", iterator: expression("flow_input.list"), modules, skipFailures: false, parallel: false, ...value }, ...extra };
}

export function whileloop(id: string, modules: readonly Module[], extra: Extra = {}, skipFailures = false): Module {
  return { id, value: { kind: "whileloop", modules, skipFailures }, ...extra };
}

/** The last list is the default branch. */
export function branchone(id: string, branches: readonly (readonly Module[])[], extra: Extra = {}): Module {
  const taken = branches.slice(0, -1).map((modules, at) => ({ expr: `flow_input.branch === ${at}`, modules }));
  return { id, value: { kind: "branchone", branches: taken, default: branches.at(-1) ?? [] }, ...extra };
}

/** @param branches lists of modules; with `skipFailure` as objects */
export function branchall(
  id: string,
  branches: readonly (readonly Module[] | (Branch & { skipFailure: boolean }))[],
  parallel = false,
  extra: Extra = {},
): Module {
  const written = branches.map((branch) => ("modules" in branch ? branch : { modules: branch, skipFailure: false }));
  return { id, value: { kind: "branchall", branches: written, parallel }, ...extra };
}

export function subflow(id: string, extra: Extra = {}): Module {
  return { id, value: { kind: "flow", path: `f/${id}`, inputs: {} }, ...extra };
}

export function people(requiredEvents: number, extra: Partial<SuspendRule> = {}): SuspendRule {
  return { requiredEvents, userAuthRequired: false, selfApprovalDisabled: false, hideCancel: false, continueOnDisapproveTimeout: false, ...extra };
}
