import type { Node, Tree } from "web-tree-sitter";
import { declaredTypes } from "./declared-types.ts";
import { grammarParser } from "./grammar-parser.ts";
import { grammarProblems, skipCLikeBlank } from "./grammar-problems.ts";
import { NO_MAIN, type Signature, type SignatureReading } from "./model.ts";
import { rustParameters } from "./rust-types.ts";
import { tooComplex } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads `fn main(…)` of a Rust file. Never throws on broken code. */
export async function readRust(code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  const parser = await grammarParser("rust");
  const reading = parser.withTree(code, (tree) => ({
    signature: signatureOf(tree, budget),
    // The grammar does not take every token that a macro may be made of.
    problems:
      firstBrokenItem(tree)?.type === "macro_definition" ? [] : grammarProblems(tree, code, parser, { skipBlank: skipCLikeBlank, startsAnywhere: true }),
  }));
  return reading ?? tooComplex(code);
}

function firstBrokenItem(tree: Tree): Node | undefined {
  return tree.rootNode.namedChildren.find((item) => item.hasError || item.isError);
}

const TYPE_ITEMS = new Set(["struct_item", "enum_item", "type_item"]);

function signatureOf(tree: Tree, budget: WorkBudget): Signature {
  const types = new Map<string, Node>();
  let main: Node | undefined;
  for (const item of tree.rootNode.namedChildren) {
    const name = item.childForFieldName("name")?.text ?? "";
    if (TYPE_ITEMS.has(item.type)) types.set(name, item);
    if (item.type === "function_item" && name === "main") main = item;
  }
  const list = main?.childForFieldName("parameters") ?? null;
  if (list === null) return NO_MAIN;
  return { parameters: rustParameters(list, declaredTypes(types, new Map(), budget)), hasMain: true, variadic: false };
}
