import type { Tree } from "web-tree-sitter";
import { NO_MAIN, OPAQUE_MAIN, type Signature, type SignatureReading } from "./model.ts";
import { collectDeclarations } from "./python-declarations.ts";
import { readParameters } from "./python-parameters.ts";
import { type PythonParser, pythonParser } from "./python-parser.ts";
import { pythonProblems } from "./python-problems.ts";
import { fileScope } from "./python-scope.ts";
import { SourcePositions } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads the signature of a Python file; from broken code as much of it as the parser makes out. Never throws on broken code. */
export async function readPython(code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  const parser = await pythonParser();
  const reading = parser.withTree(code, (tree) => ({ signature: signatureOf(tree, parser, budget), problems: pythonProblems(tree, code, parser) }));
  return reading ?? { signature: NO_MAIN, problems: [new SourcePositions(code).problemAt(0, "the code is too complex to be read")] };
}

function signatureOf(tree: Tree, parser: PythonParser, budget: WorkBudget): Signature {
  const declarations = collectDeclarations(tree.rootNode);
  const list = declarations.main?.childForFieldName("parameters") ?? null;
  if (list === null) return declarations.opaqueMain ? OPAQUE_MAIN : NO_MAIN;
  return { ...readParameters(list, fileScope(parser, declarations, budget)), hasMain: true };
}
