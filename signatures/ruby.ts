import type { Node, Tree } from "web-tree-sitter";
import { grammarParser } from "./grammar-parser.ts";
import { grammarProblems } from "./grammar-problems.ts";
import { ANY, NO_MAIN, type Parameter, type Signature, type SignatureReading } from "./model.ts";
import { typeOfDefault } from "./parameter-types.ts";
import { skipBlank } from "./python-text.ts";
import { rubyLiteral } from "./ruby-literals.ts";
import { tooComplex } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads `def main(…)` of a Ruby file; types are what the defaults suggest. Never throws on broken code. */
export async function readRuby(code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  const parser = await grammarParser("ruby");
  const reading = parser.withTree(code, (tree) => ({
    signature: signatureOf(tree, budget),
    problems: grammarProblems(tree, code, parser, { skipBlank, startsAnywhere: true }),
  }));
  return reading ?? tooComplex(code);
}

function signatureOf(tree: Tree, budget: WorkBudget): Signature {
  const constants = new Map<string, Node>();
  let main: Node | undefined;
  for (const node of tree.rootNode.namedChildren) {
    if (node.type === "method" && node.childForFieldName("name")?.text === "main") main = node;
    if (node.type === "assignment") collectConstant(node, constants);
  }
  if (main === undefined) return NO_MAIN;
  const list = main.childForFieldName("parameters")?.namedChildren ?? [];
  const parameters = list.flatMap((node) => parameterOf(node, constants, budget) ?? []);
  const variadic = list.some((node) => node.type === "hash_splat_parameter" || node.type === "forward_parameter");
  return { parameters, hasMain: true, variadic };
}

function collectConstant(assignment: Node, into: Map<string, Node>): void {
  const name = assignment.childForFieldName("left");
  const value = assignment.childForFieldName("right");
  if (name?.type === "constant" && value !== null) into.set(name.text, value);
}

/** Arguments are given by name, so `*rest` can never be filled and is left out, like a block. */
function parameterOf(node: Node, constants: ReadonlyMap<string, Node>, budget: WorkBudget): Parameter | undefined {
  if (node.type === "identifier") return { name: node.text, type: ANY, required: true };
  if (node.type !== "optional_parameter" && node.type !== "keyword_parameter") return undefined;
  const name = node.childForFieldName("name")?.text ?? "";
  const value = node.childForFieldName("value");
  if (value === null) return { name, type: ANY, required: true };
  const fallback = rubyLiteral(value, constants, budget);
  return fallback === undefined ? { name, type: ANY, required: false } : { name, type: typeOfDefault(fallback), required: false, default: fallback };
}
