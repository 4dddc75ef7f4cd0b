import { modulesWithin } from "../core/place.ts";
import type { FlowDefinition, Module } from "../model.ts";

/** Whether a definition can be run at all. @returns what is in the way: fields that change what a run does, and that no engine knows yet */
export function cannotRun(definition: FlowDefinition): string | undefined {
  if (definition.sameWorker) return "same_worker is not supported: its steps run on any agent of their tag";
  if (definition.cacheTtlS !== undefined) return "cache_ttl of a flow is not supported yet";
  const all = [definition.preprocessor, ...definition.modules, definition.failureModule];
  for (const module of all) {
    const found = module === undefined ? undefined : inModule(module);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inModule(module: Module): string | undefined {
  if (module.cacheTtlS !== undefined) return `step ${module.id}: cache_ttl is not supported yet`;
  if (module.deleteAfterUse === true) return `step ${module.id}: delete_after_use is not supported yet`;
  for (const inner of innerModules(module)) {
    const found = inModule(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

function innerModules(module: Module): readonly Module[] {
  const { value } = module;
  if (value.kind === "branchone" || value.kind === "branchall") {
    const branches = value.branches.flatMap((_, at) => modulesWithin(module, at) ?? []);
    return [...branches, ...(modulesWithin(module, "default") ?? [])];
  }
  return modulesWithin(module, 0) ?? [];
}
