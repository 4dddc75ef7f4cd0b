import type { FlowChange, FlushOperation } from "./model.ts";

/** About how many characters an operation writes: of what may be long. */
export function sizeOf(operation: FlushOperation): number {
  if (operation.kind === "insert" || operation.kind === "refuse") return operation.payload.argsJson.length + (operation.payload.code?.length ?? 0);
  if (operation.kind === "flow") return sizeOfChange(operation.change);
  return operation.kind === "finish" ? operation.end.resultJson.length : 0;
}

function sizeOfChange(change: FlowChange): number {
  if (change.kind === "flow_item") return change.items.reduce((sum, { json }) => sum + json.length, 0);
  if (change.kind === "flow_cached") return change.resultJson.length;
  return change.kind === "flow_event" ? change.eventsJson.length + (change.stateJson?.length ?? 0) : 0;
}
