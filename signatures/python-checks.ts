import type { Node, Tree, TreeCursor } from "web-tree-sitter";
import { type Finding, skipBlank } from "./python-text.ts";
import { MAX_PROBLEMS } from "./source-position.ts";

/** Nodes that the checks look at; a megabyte of code has about 400,000. */
const MAX_NODES = 1_000_000;
/** Deeper statements are not looked at, so that one line with a million statements costs no more than a million lines. */
const MAX_INDENT = 200;

type Check = (node: Node, code: string) => Finding | undefined;

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["module", misplacedStatement],
  ["block", (node, code) => emptyBlock(node, code) ?? misplacedStatement(node, code)],
  ["print_statement", (node) => oldStatement(node, "print")],
  ["exec_statement", (node) => oldStatement(node, "exec")],
  ["try_statement", loneTry],
  ["elif_clause", misplacedClause],
  ["else_clause", misplacedClause],
  ["except_clause", misplacedClause],
  ["finally_clause", misplacedClause],
  ["raise_statement", oldRaise],
  ["parameters", requiredAfterOptional],
  ["integer", oldOctal],
  ["string_start", (node) => (node.text.includes("`") ? { offset: node.startIndex, message: "unexpected `" } : undefined)],
  ["<>", (node) => ({ offset: node.startIndex, message: "`<>` is now written `!=`" })],
]);

/**
 * Finds what Python refuses although tree-sitter's grammar, made for editors and for Python 2 as well, accepts it.
 * Each check is certain: code that Python runs passes all of them.
 */
export function checkPython(tree: Tree, code: string): Finding[] {
  const byId = new Map<number, Check>();
  tree.language.types.forEach((name, id) => {
    const check = CHECKS.get(name);
    if (check !== undefined) byId.set(id, check);
  });
  const findings: Finding[] = [];
  const cursor = tree.walk();
  let visited = 0;
  do {
    const finding = byId.get(cursor.nodeTypeId)?.(cursor.currentNode, code);
    if (finding !== undefined) findings.push(finding);
  } while (visited++ < MAX_NODES && findings.length < MAX_PROBLEMS && advance(cursor));
  cursor.delete();
  return findings;
}

/** To the next node in the order of the source; false after the last. No recursion: trees may be very deep. */
function advance(cursor: TreeCursor): boolean {
  if (cursor.gotoFirstChild()) return true;
  while (!cursor.gotoNextSibling()) if (!cursor.gotoParent()) return false;
  return true;
}

function statementsOf(node: Node): Node[] {
  return node.namedChildren.filter((child) => child.type !== "comment");
}

function emptyBlock(node: Node, code: string): Finding | undefined {
  if (node.parent === null || node.parent.type === "match_statement" || statementsOf(node).length > 0) return undefined;
  const header = node.parent;
  const next = skipBlank(code, node.endIndex);
  return { offset: next < code.length ? next : node.startIndex, message: `expected an indented block after line ${header.startPosition.row + 1}` };
}

/**
 * All statements of a block start in one column. Lines indented with tabs are left out: how wide a tab is depends on
 * the lines around it.
 */
function misplacedStatement(node: Node, code: string): Finding | undefined {
  let expected = node.type === "module" ? 0 : undefined;
  for (const statement of statementsOf(node)) {
    const indent = indentOf(statement, code);
    if (indent === undefined) continue;
    expected ??= indent;
    if (indent > expected) return { offset: statement.startIndex, message: "unexpected indent" };
    if (indent < expected) return { offset: statement.startIndex, message: "this indentation matches no line above" };
  }
  return undefined;
}

/** `else`, `except` and their like stand below the statement that they continue. */
function misplacedClause(node: Node, code: string): Finding | undefined {
  const indent = indentOf(node, code);
  const expected = node.parent === null ? undefined : indentOf(node.parent, code);
  if (indent === undefined || expected === undefined || indent === expected) return undefined;
  return { offset: node.startIndex, message: "this indentation matches no line above" };
}

/** Blanks in front of a node that starts a line of its own; undefined for any other node, and for a line with tabs. */
function indentOf(node: Node, code: string): number | undefined {
  const { column } = node.startPosition;
  if (column > MAX_INDENT) return undefined;
  const lineStart = node.startIndex - column;
  const continuesLine = code[lineStart - 2] === "\\" || code.startsWith("\\\r", lineStart - 3);
  return continuesLine || !/^ *$/.test(code.slice(lineStart, node.startIndex)) ? undefined : column;
}

/** `print x`; `print >> f, x` and `print -x` are odd but valid expressions. */
function oldStatement(node: Node, name: string): Finding | undefined {
  const argument = node.firstNamedChild;
  if (argument === null || !/^["'\w]/.test(argument.text) || argument.type === "not_operator") return undefined;
  return { offset: node.startIndex, message: `missing parentheses in call to '${name}'` };
}

function loneTry(node: Node): Finding | undefined {
  const hasHandler = node.namedChildren.some((child) => child.type === "finally_clause" || child.type.startsWith("except"));
  return hasHandler ? undefined : { offset: node.startIndex, message: "`try` without `except` or `finally`" };
}

function oldRaise(node: Node): Finding | undefined {
  const list = node.namedChildren.find((child) => child.type === "expression_list");
  return list === undefined ? undefined : { offset: list.startIndex, message: "`raise` takes one exception" };
}

function requiredAfterOptional(node: Node): Finding | undefined {
  let sawDefault = false;
  for (const parameter of node.namedChildren) {
    const { type } = parameter;
    // Behind `*` the order is free.
    if (type === "keyword_separator" || type === "list_splat_pattern" || parameter.firstNamedChild?.type === "list_splat_pattern") return undefined;
    if (type.endsWith("default_parameter")) sawDefault = true;
    const isPlain = type === "identifier" || (type === "typed_parameter" && parameter.firstNamedChild?.type === "identifier");
    if (sawDefault && isPlain) return { offset: parameter.startIndex, message: "a parameter without a default follows one with a default" };
  }
  return undefined;
}

function oldOctal(node: Node): Finding | undefined {
  return /^0[0-9_]*[1-9]/.test(node.text) ? { offset: node.startIndex, message: "leading zeros are not allowed; octal numbers start with 0o" } : undefined;
}
