import type { Node, Tree } from "web-tree-sitter";
import { declaredTypes } from "./declared-types.ts";
import { goParameters } from "./go-types.ts";
import { grammarParser } from "./grammar-parser.ts";
import { grammarProblems, skipCLikeBlank } from "./grammar-problems.ts";
import { NO_MAIN, type Signature, type SignatureReading } from "./model.ts";
import { tooComplex } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads `func main(…)` (or `Main`) of a Go file, whatever its package is called. Never throws on broken code. */
export async function readGo(code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  const parser = await grammarParser("go");
  const reading = parser.withTree(code, (tree) => ({
    signature: signatureOf(tree, budget),
    problems: grammarProblems(tree, code, parser, { skipBlank: skipCLikeBlank, startsAnywhere: true }),
  }));
  return reading ?? tooComplex(code);
}

function signatureOf(tree: Tree, budget: WorkBudget): Signature {
  const types = new Map<string, Node>();
  const functions = new Map<string, Node>();
  for (const node of tree.rootNode.namedChildren) {
    if (node.type === "function_declaration") functions.set(node.childForFieldName("name")?.text ?? "", node);
    if (node.type === "type_declaration") for (const spec of node.namedChildren) types.set(spec.childForFieldName("name")?.text ?? "", spec);
  }
  const list = (functions.get("main") ?? functions.get("Main"))?.childForFieldName("parameters") ?? null;
  if (list === null) return NO_MAIN;
  return { parameters: goParameters(list, declaredTypes(types, new Map(), budget)), hasMain: true, variadic: false };
}
