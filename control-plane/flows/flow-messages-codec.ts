import type { FlowReading, FlowText } from "./flow-reading.ts";

// Both ends are our own code: only the outline is looked at.

/** What the worker is given; undefined for anything else. */
export function asFlowText(data: unknown): FlowText | undefined {
  return typeof data === "object" && data !== null && "format" in data && "text" in data ? (data as FlowText) : undefined;
}

/** What it answers; undefined for anything else. */
export function asFlowReading(message: unknown): FlowReading | undefined {
  const isReading = typeof message === "object" && message !== null && "kind" in message && (message.kind === "flow" || message.kind === "unreadable");
  return isReading ? (message as FlowReading) : undefined;
}
