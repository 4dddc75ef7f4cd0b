import type { Node } from "web-tree-sitter";

/** What `#[serde(…)]` above an item says about its JSON. */
export interface SerdeAttributes {
  readonly rename: string | undefined;
  readonly hasDefault: boolean;
  readonly skip: boolean;
  readonly flatten: boolean;
  readonly untagged: boolean;
  readonly tagged: boolean;
  readonly transparent: boolean;
  /** Applies `rename_all` to the name of a field (in snake case) or of a variant (in Pascal case). */
  renameField(name: string): string;
  renameVariant(name: string): string;
}

/** Attributes above one item that are looked at. */
const MAX_ATTRIBUTES = 20;

export function attributesOf(item: Node): SerdeAttributes {
  const words = new Map<string, string>();
  let above = item.previousNamedSibling;
  for (let count = 0; above !== null && count < MAX_ATTRIBUTES && isAboveItem(above); count++) {
    if (above.type === "attribute_item") readAttribute(above, words);
    above = above.previousNamedSibling;
  }
  const rule = words.get("rename_all") ?? "";
  return {
    rename: words.get("rename"),
    hasDefault: words.has("default"),
    skip: words.has("skip") || words.has("skip_deserializing"),
    flatten: words.has("flatten"),
    untagged: words.has("untagged"),
    tagged: words.has("tag"),
    transparent: words.has("transparent"),
    renameField: (name) => recase(name.split("_"), rule) ?? name,
    renameVariant: (name) => recase(name.split(/(?<=[a-z0-9])(?=[A-Z])/), rule) ?? name,
  };
}

function isAboveItem(node: Node): boolean {
  return node.type === "attribute_item" || node.type === "line_comment" || node.type === "block_comment";
}

/** Reads `word`, `word = "text"` and `word(deserialize = "text")` of one `#[serde(…)]`. */
function readAttribute(item: Node, into: Map<string, string>): void {
  const attribute = item.namedChildren.find((child) => child.type === "attribute");
  const tokens = attribute?.childForFieldName("arguments");
  if (attribute?.firstNamedChild?.text !== "serde" || !tokens) return;
  let word = "";
  for (const token of tokens.children) {
    // `default` is a keyword to the grammar.
    if (token.type === "identifier" || token.type === "default") {
      word = token.text;
      into.set(word, "");
    } else if (token.type === "string_literal") {
      into.set(word, textOf(token));
    } else if (token.type === "token_tree") {
      const name = token.namedChildren.findIndex((child) => child.type === "identifier" && child.text === "deserialize");
      const value = name === -1 ? undefined : token.namedChildren[name + 1];
      if (value?.type === "string_literal") into.set(word, textOf(value));
      else into.delete(word);
    }
  }
}

function textOf(literal: Node): string {
  return literal.namedChildren.map((child) => (child.type === "string_content" ? child.text : "")).join("");
}

/** The words of a name in the manner that `rename_all` asks for; undefined for a manner that is not known. */
function recase(words: readonly string[], rule: string): string | undefined {
  const lower = words.map((word) => word.toLowerCase());
  const pascal = lower.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  switch (rule) {
    case "lowercase":
      return lower.join("");
    case "UPPERCASE":
      return lower.join("").toUpperCase();
    case "PascalCase":
      return pascal.join("");
    case "camelCase":
      return [...lower.slice(0, 1), ...pascal.slice(1)].join("");
    case "snake_case":
      return lower.join("_");
    case "SCREAMING_SNAKE_CASE":
      return lower.join("_").toUpperCase();
    case "kebab-case":
      return lower.join("-");
    case "SCREAMING-KEBAB-CASE":
      return lower.join("-").toUpperCase();
    default:
      return undefined;
  }
}
