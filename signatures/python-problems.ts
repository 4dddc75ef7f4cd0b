import type { Tree } from "web-tree-sitter";
import type { GrammarParser } from "./grammar-parser.ts";
import type { SyntaxProblem } from "./model.ts";
import { checkPython } from "./python-checks.ts";
import { locateFirstError } from "./python-first-error.ts";
import { SourcePositions, tidyProblems } from "./source-position.ts";

/**
 * What is wrong with a Python file. After the first place that the grammar refuses the parser guesses its way on, so
 * that place alone is reported; a file that the grammar accepts is checked for what the grammar is too lenient about.
 */
export function pythonProblems(tree: Tree, code: string, parser: GrammarParser): SyntaxProblem[] {
  const positions = new SourcePositions(code);
  if (tree.rootNode.hasError) {
    const { offset, message } = locateFirstError(tree, code, parser);
    return [positions.problemAt(offset, message)];
  }
  return tidyProblems(checkPython(tree, code).map(({ offset, message }) => positions.problemAt(offset, message)));
}
