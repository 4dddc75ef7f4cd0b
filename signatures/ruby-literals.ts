import type { Node } from "web-tree-sitter";
import { decodeEscapes, RUBY_ESCAPES } from "./escapes.ts";
import type { JsonValue } from "./model.ts";
import { negated, numberOf } from "./number-literals.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

/** The JSON value of a literal of Ruby, constants of the file included; symbols are their text. Undefined for what would have to be computed. */
export function rubyLiteral(node: Node, constants: ReadonlyMap<string, Node>, budget: WorkBudget, depth = 0): JsonValue | undefined {
  if (depth > MAX_TYPE_DEPTH || !budget.spend()) return undefined;
  const inner = (child: Node) => rubyLiteral(child, constants, budget, depth + 1);
  switch (node.type) {
    case "nil":
      return null;
    case "true":
      return true;
    case "false":
      return false;
    case "integer":
    case "float":
      return numberOf(node.text);
    case "simple_symbol":
      return node.text.slice(1);
    case "string":
      return stringOf(node);
    case "string_array":
    case "symbol_array":
      return wordsOf(node);
    case "unary": {
      const value = node.childForFieldName("operand");
      const number = value === null ? undefined : inner(value);
      return typeof number === "number" && node.childForFieldName("operator")?.text === "-" ? negated(number) : undefined;
    }
    case "constant": {
      const constant = constants.get(node.text);
      return constant === undefined ? undefined : inner(constant);
    }
    case "call": {
      // `LIMITS = [1, 2].freeze`
      const receiver = node.childForFieldName("receiver");
      return receiver !== null && node.childForFieldName("method")?.text === "freeze" ? inner(receiver) : undefined;
    }
    case "array":
      return listOf(node, inner);
    case "hash":
      return hashOf(node, inner);
    default:
      return undefined;
  }
}

function stringOf(node: Node): string | undefined {
  const quote = node.firstChild?.text;
  const parts = node.namedChildren;
  if (parts.some((part) => part.type !== "string_content" && part.type !== "escape_sequence")) return undefined;
  const text = parts.map((part) => part.text).join("");
  if (quote === "'") return text.replace(/\\([\\'])/g, "$1");
  return quote === '"' ? decodeEscapes(text, RUBY_ESCAPES) : undefined;
}

function wordsOf(node: Node): string[] | undefined {
  const words = node.namedChildren.filter((child) => child.type === "bare_string" || child.type === "bare_symbol").map((child) => child.text);
  return words.some((word) => word.includes("\\") || word.includes("#{")) ? undefined : words;
}

type Inner = (child: Node) => JsonValue | undefined;

function listOf(node: Node, inner: Inner): JsonValue | undefined {
  const values: JsonValue[] = [];
  for (const child of node.namedChildren) {
    if (child.type === "comment") continue;
    const value = inner(child);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function hashOf(node: Node, inner: Inner): JsonValue | undefined {
  const entries: [string, JsonValue][] = [];
  for (const pair of node.namedChildren) {
    if (pair.type === "comment") continue;
    const key = pair.childForFieldName("key");
    const content = pair.childForFieldName("value");
    const name = key?.type === "hash_key_symbol" ? key.text : key === null ? undefined : inner(key);
    const value = content === null ? undefined : inner(content);
    if (pair.type !== "pair" || typeof name !== "string" || value === undefined) return undefined;
    entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}
