import type { Tree } from "web-tree-sitter";
import { type GrammarParser, grammarParser } from "./grammar-parser.ts";
import { NO_MAIN, OPAQUE_MAIN, type Signature, type SignatureReading } from "./model.ts";
import { collectDeclarations } from "./python-declarations.ts";
import { importsStandardOnly } from "./python-imports.ts";
import { readParameters } from "./python-parameters.ts";
import { pythonProblems } from "./python-problems.ts";
import { fileScope } from "./python-scope.ts";
import { tooComplex } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads the signature of a Python file; from broken code as much of it as the parser makes out. Never throws on broken code. */
export async function readPython(code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  const parser = await grammarParser("python");
  const reading = parser.withTree(code, (tree) => ({
    signature: signatureOf(tree, parser, budget),
    problems: pythonProblems(tree, code, parser),
    standardOnly: importsStandardOnly(tree),
  }));
  return reading ?? tooComplex(code);
}

function signatureOf(tree: Tree, parser: GrammarParser, budget: WorkBudget): Signature {
  const declarations = collectDeclarations(tree.rootNode);
  const list = declarations.main?.childForFieldName("parameters") ?? null;
  if (list === null) return declarations.opaqueMain ? OPAQUE_MAIN : NO_MAIN;
  return { ...readParameters(list, fileScope(parser, declarations, budget)), hasMain: true };
}
