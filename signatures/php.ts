import type { Node, Tree } from "web-tree-sitter";
import { type DeclaredTypes, declaredTypes } from "./declared-types.ts";
import { grammarParser } from "./grammar-parser.ts";
import { grammarProblems, skipCLikeBlank } from "./grammar-problems.ts";
import { NO_MAIN, type Signature, type SignatureReading } from "./model.ts";
import { phpParameters } from "./php-types.ts";
import { tooComplex } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads `function main(…)` of a PHP file. Never throws on broken code. */
export async function readPhp(code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  const parser = await grammarParser("php");
  const reading = parser.withTree(code, (tree) => ({
    signature: signatureOf(tree, budget),
    problems: grammarProblems(tree, code, parser, { skipBlank: skipPhpBlank, startsAnywhere: false }),
  }));
  return reading ?? tooComplex(code);
}

/** `#` begins a comment too, unless it begins an attribute. */
function skipPhpBlank(code: string, from: number): number {
  let at = skipCLikeBlank(code, from);
  while (code[at] === "#" && code[at + 1] !== "[") {
    const end = code.indexOf("\n", at);
    at = end === -1 ? code.length : skipCLikeBlank(code, end);
  }
  return at;
}

interface Collected {
  readonly types: Map<string, Node>;
  readonly constants: Map<string, Node>;
  main: Node | undefined;
}

function signatureOf(tree: Tree, budget: WorkBudget): Signature {
  const collected: Collected = { types: new Map(), constants: new Map(), main: undefined };
  collect(tree.rootNode, collected, true);
  const list = collected.main?.childForFieldName("parameters") ?? null;
  if (list === null) return NO_MAIN;
  const scope: DeclaredTypes = declaredTypes(collected.types, collected.constants, budget);
  return { ...phpParameters(list, scope), hasMain: true };
}

/** The top level of the file and of its `namespace … { }` blocks. PHP knows functions by name in any case; the runner calls `main`. */
function collect(block: Node, into: Collected, isFile: boolean): void {
  for (const node of block.namedChildren) {
    const name = node.childForFieldName("name")?.text ?? "";
    if (node.type === "function_definition" && name === "main") into.main ??= node;
    else if (node.type === "class_declaration" || node.type === "enum_declaration") into.types.set(name, node);
    else if (node.type === "const_declaration") collectConstants(node, into);
    else if (node.type === "namespace_definition" && isFile) {
      const body = node.childForFieldName("body");
      if (body !== null) collect(body, into, false);
    }
  }
}

function collectConstants(declaration: Node, into: Collected): void {
  for (const element of declaration.namedChildren) {
    const [name, value] = element.namedChildren;
    if (element.type === "const_element" && name !== undefined && value !== undefined) into.constants.set(name.text, value);
  }
}
