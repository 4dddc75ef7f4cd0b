import { parse } from "acorn";

/**
 * Names of the flow's inputs that an expression reads by name: `flow_input.x`, `flow_input["x"]`. None when it does not parse: that is somebody
 * else's to tell.
 */
export function flowInputMembers(source: string): readonly string[] {
  const found = new Set<string>();
  const program = parsed(source) ?? parsed(`(${source})`);
  // On a list, not by recursion: expressions of strangers may be nested deeply.
  const pending: unknown[] = [program];
  for (let node = pending.pop(); node !== undefined || pending.length > 0; node = pending.pop()) {
    if (typeof node !== "object" || node === null) continue;
    const name = memberName(node);
    if (name !== undefined) found.add(name);
    pending.push(...Object.values(node));
  }
  return [...found];
}

function parsed(source: string): object | undefined {
  try {
    return parse(source, { ecmaVersion: "latest", allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true });
  } catch {
    return undefined;
  }
}

function memberName(node: object): string | undefined {
  if (!("type" in node && "object" in node && "property" in node && "computed" in node) || node.type !== "MemberExpression") return undefined;
  if (fieldOf(node.object, "name") !== "flow_input") return undefined;
  const name = fieldOf(node.property, node.computed === true ? "value" : "name");
  return typeof name === "string" ? name : undefined;
}

function fieldOf(node: unknown, field: string): unknown {
  return typeof node === "object" && node !== null ? Object.entries(node).find(([name]) => name === field)?.[1] : undefined;
}
