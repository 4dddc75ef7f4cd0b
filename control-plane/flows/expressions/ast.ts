import type { AnyNode, ArrowFunctionExpression, FunctionDeclaration, FunctionExpression } from "acorn";

/** The nodes directly below one, whatever it is. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const found: AnyNode[] = [];
  const members: unknown[] = Object.values(node);
  for (const member of members) {
    if (isNode(member)) found.push(member);
    else if (Array.isArray(member)) for (const item of member) if (isNode(item)) found.push(item);
  }
  return found;
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

export type AnyFunction = FunctionDeclaration | FunctionExpression | ArrowFunctionExpression;

export function isFunction(node: AnyNode): node is AnyFunction {
  return node.type === "FunctionDeclaration" || node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression";
}
