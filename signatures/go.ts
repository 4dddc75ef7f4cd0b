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
    standardOnly: importsStandardOnly(tree),
  }));
  return reading ?? tooComplex(code);
}

/** Paths of the standard library have no dot in their first part; `C` needs a C compiler, and comments may declare modules. */
function importsStandardOnly(tree: Tree): boolean {
  if (tree.rootNode.namedChildren.some((node) => node.type === "comment" && /^\/\/\s*require\b/.test(node.text))) return false;
  const imports = tree.rootNode.namedChildren.filter((node) => node.type === "import_declaration");
  const specs = imports.flatMap((node) => node.descendantsOfType("import_spec"));
  return specs.every((spec) => {
    const path = spec?.childForFieldName("path")?.text.slice(1, -1) ?? "";
    return path !== "C" && !(path.split("/")[0] ?? "").includes(".");
  });
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
