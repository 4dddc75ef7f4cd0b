import type { YamlReading } from "./yaml-text.ts";

/** What the worker answers; undefined for anything else. Looks at the outline only: both ends are our own code. */
export function asYamlReading(message: unknown): YamlReading | undefined {
  if (typeof message !== "object" || message === null || !("kind" in message)) return undefined;
  const isReading = (message.kind === "json" && "json" in message) || (message.kind === "problems" && "problems" in message);
  return isReading ? (message as YamlReading) : undefined;
}
