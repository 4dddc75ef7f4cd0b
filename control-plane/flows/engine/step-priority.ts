import type { Place } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import type { FlowDefinition, Module } from "../model.ts";

/** A step's own priority, or that of the loop or branch around it that says one, the innermost first; else the flow's. */
export function priorityAt(definition: FlowDefinition, place: Place, module: Module): number | undefined {
  if (module.priority !== undefined) return module.priority;
  const path = place.split("/");
  for (let end = path.length - 2; end > 0; end -= 2) {
    const around = moduleAt(definition, path.slice(0, end).join("/"))?.priority;
    if (around !== undefined) return around;
  }
  return definition.priority;
}
