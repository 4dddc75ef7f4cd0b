import type { Node } from "web-tree-sitter";
import type { JsonValue } from "./model.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

/** Values that the top level of the file assigns, by name. */
export type Constants = ReadonlyMap<string, Node>;

/**
 * The JSON value that a literal expression denotes: numbers, texts, lists, tuples and dicts of such, and names of
 * top-level assignments that hold such. Undefined for anything that would have to be computed.
 */
export function literalOf(node: Node, constants: Constants, budget: WorkBudget, depth = 0): JsonValue | undefined {
  if (depth > MAX_TYPE_DEPTH || !budget.spend()) return undefined;
  switch (node.type) {
    case "none":
      return null;
    case "true":
      return true;
    case "false":
      return false;
    case "integer":
      return integerOf(node.text);
    case "float":
      return finite(Number(node.text.replaceAll("_", "")));
    case "string":
      return stringOf(node);
    case "concatenated_string":
      return concatenated(node);
    case "type":
    case "parenthesized_expression": {
      const inner = node.firstNamedChild;
      return inner === null ? undefined : literalOf(inner, constants, budget, depth + 1);
    }
    case "unary_operator":
      return signed(node, constants, budget, depth);
    case "identifier": {
      const constant = constants.get(node.text);
      return constant === undefined ? undefined : literalOf(constant, constants, budget, depth + 1);
    }
    case "list":
    case "tuple":
      return listOf(node, constants, budget, depth);
    case "dictionary":
      return dictOf(node, constants, budget, depth);
    default:
      return undefined;
  }
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** Whole numbers that JSON readers would round are not given as defaults. */
function integerOf(text: string): number | undefined {
  const digits = text.replaceAll("_", "");
  if (digits.length > 40) return undefined;
  const value = /^0\d/.test(digits) ? Number(digits.replace(/^0+(?=\d)/, "")) : Number(digits);
  return Number.isSafeInteger(value) ? value : undefined;
}

function signed(node: Node, constants: Constants, budget: WorkBudget, depth: number): JsonValue | undefined {
  const argument = node.childForFieldName("argument");
  const value = argument === null ? undefined : literalOf(argument, constants, budget, depth + 1);
  if (typeof value !== "number") return undefined;
  const operator = node.childForFieldName("operator")?.type;
  if (operator === "-") return value === 0 ? 0 : -value;
  return operator === "+" ? value : undefined;
}

function listOf(node: Node, constants: Constants, budget: WorkBudget, depth: number): JsonValue | undefined {
  const values: JsonValue[] = [];
  for (const child of node.namedChildren) {
    if (child.type === "comment") continue;
    const value = literalOf(child, constants, budget, depth + 1);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function dictOf(node: Node, constants: Constants, budget: WorkBudget, depth: number): JsonValue | undefined {
  const entries: [string, JsonValue][] = [];
  for (const child of node.namedChildren) {
    if (child.type === "comment") continue;
    const key = child.childForFieldName("key");
    const content = child.childForFieldName("value");
    const name = child.type !== "pair" || key === null ? undefined : literalOf(key, constants, budget, depth + 1);
    const value = content === null ? undefined : literalOf(content, constants, budget, depth + 1);
    if (typeof name !== "string" || value === undefined) return undefined;
    entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

function concatenated(node: Node): string | undefined {
  const parts = node.namedChildren.filter((child) => child.type === "string").map(stringOf);
  return parts.every((part) => part !== undefined) ? parts.join("") : undefined;
}

/** The text of a string literal without interpolation; bytes are no JSON. */
export function stringOf(node: Node): string | undefined {
  const start = node.firstChild?.text ?? "";
  const prefix = /^[A-Za-z]*/.exec(start)?.[0].toLowerCase() ?? "";
  if (prefix.includes("b")) return undefined;
  let text = "";
  for (const child of node.namedChildren) {
    if (child.type === "interpolation") return undefined;
    if (child.type === "string_content") text += child.text;
  }
  return prefix.includes("r") ? text : decodeEscapes(text);
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|(N\{)|\r\n|([\s\S]))/g;
const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries({ "\n": "", "\r": "", "\\": "\\", "'": "'", '"': '"', a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }),
);

function decodeEscapes(text: string): string | undefined {
  let known = true;
  const result = text.replace(ESCAPE, (whole: string, x?: string, u?: string, long?: string, octal?: string, named?: string, simple?: string) => {
    if (named !== undefined) known = false;
    const hex = x ?? u ?? long;
    const point = hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) : undefined;
    if (point !== undefined) {
      if (point <= 0x10ffff) return String.fromCodePoint(point);
      known = false;
      return "";
    }
    // Python keeps the backslash of an escape that it does not know.
    return simple === undefined ? "" : (SIMPLE_ESCAPES.get(simple) ?? whole);
  });
  return known ? result : undefined;
}
