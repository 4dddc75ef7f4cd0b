import { parseExpression } from "./expressions/parse.ts";
import { readsOf } from "./expressions/reads.ts";

/** Names of the flow's inputs that an expression reads by name: `flow_input.x`, `flow_input["x"]`. None when it does not parse. */
export function flowInputMembers(source: string): readonly string[] {
  const parsed = parseExpression(source);
  if (parsed.kind === "problem") return [];
  const paths = readsOf(parsed.expression.body).paths.get("flow_input") ?? [];
  return [...new Set(paths.flatMap(([name]) => name ?? []))];
}
