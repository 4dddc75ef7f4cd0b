import type { Node } from "web-tree-sitter";
import { decodeEscapes, PHP_ESCAPES } from "./escapes.ts";
import type { JsonValue } from "./model.ts";
import { negated, numberOf } from "./number-literals.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

/** The JSON value of a literal of PHP, constants of the file included; undefined for what would have to be computed. */
export function phpLiteral(node: Node, constants: ReadonlyMap<string, Node>, budget: WorkBudget, depth = 0): JsonValue | undefined {
  if (depth > MAX_TYPE_DEPTH || !budget.spend()) return undefined;
  switch (node.type) {
    case "null":
      return null;
    case "boolean":
      return node.text.toLowerCase() === "true";
    case "integer":
    case "float":
      return numberOf(node.text);
    case "string":
      return node.text.startsWith("'") ? node.text.slice(1, -1).replace(/\\([\\'])/g, "$1") : undefined;
    case "encapsed_string":
      return interpolated(node);
    case "parenthesized_expression":
      return node.firstNamedChild === null ? undefined : phpLiteral(node.firstNamedChild, constants, budget, depth + 1);
    case "unary_op_expression": {
      const argument = node.childForFieldName("argument");
      const value = argument === null ? undefined : phpLiteral(argument, constants, budget, depth + 1);
      const operator = node.childForFieldName("operator")?.text;
      if (typeof value !== "number") return undefined;
      return operator === "-" ? negated(value) : operator === "+" ? value : undefined;
    }
    case "name": {
      const constant = constants.get(node.text);
      return constant === undefined ? undefined : phpLiteral(constant, constants, budget, depth + 1);
    }
    case "array_creation_expression":
      return arrayValue(node, constants, budget, depth);
    default:
      return undefined;
  }
}

function interpolated(node: Node): string | undefined {
  if (node.namedChildren.some((child) => child.type !== "string_content" && child.type !== "escape_sequence")) return undefined;
  return decodeEscapes(node.text.slice(1, -1), PHP_ESCAPES, true);
}

/** A list when no key is written, a map when all are, and neither when they are mixed. */
function arrayValue(node: Node, constants: ReadonlyMap<string, Node>, budget: WorkBudget, depth: number): JsonValue | undefined {
  const list: JsonValue[] = [];
  const entries: [string, JsonValue][] = [];
  for (const element of node.namedChildren) {
    if (element.type === "comment") continue;
    const [first, second] = element.namedChildren;
    if (element.type !== "array_element_initializer" || first === undefined) return undefined;
    const value = phpLiteral(second ?? first, constants, budget, depth + 1);
    const key = second === undefined ? undefined : phpLiteral(first, constants, budget, depth + 1);
    if (value === undefined || (second !== undefined && typeof key !== "string")) return undefined;
    if (typeof key === "string") entries.push([key, value]);
    else list.push(value);
  }
  if (entries.length === 0) return list;
  return list.length === 0 ? Object.fromEntries(entries) : undefined;
}
