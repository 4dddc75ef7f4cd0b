import type { Node, Tree } from "web-tree-sitter";
import { declaredTypes } from "./declared-types.ts";
import { grammarParser } from "./grammar-parser.ts";
import { grammarProblems, skipCLikeBlank } from "./grammar-problems.ts";
import { javaParameters } from "./java-types.ts";
import { NO_MAIN, type Signature, type SignatureReading } from "./model.ts";
import { tooComplex } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads `public static … main(…)` of the class `Main` of a Java file. Never throws on broken code. */
export async function readJava(code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  const parser = await grammarParser("java");
  const reading = parser.withTree(code, (tree) => ({
    signature: signatureOf(tree, budget),
    problems: grammarProblems(tree, code, parser, { skipBlank: skipCLikeBlank, startsAnywhere: true }),
  }));
  return reading ?? tooComplex(code);
}

const TYPE_DECLARATIONS = new Set(["class_declaration", "record_declaration", "enum_declaration", "interface_declaration"]);
/** How deep classes inside classes are looked for. */
const MAX_NESTING = 4;

function signatureOf(tree: Tree, budget: WorkBudget): Signature {
  const types = new Map<string, Node>();
  collectTypes(tree.rootNode, types, 0);
  const mainClass = tree.rootNode.namedChildren.find((node) => TYPE_DECLARATIONS.has(node.type) && node.childForFieldName("name")?.text === "Main");
  const methods = (mainClass?.childForFieldName("body")?.namedChildren ?? []).filter(isStaticMain);
  // A program's own `main(String[])` may stand beside the one with the arguments of a job.
  const list = (methods.find((method) => !takesCommandLine(method)) ?? methods[0])?.childForFieldName("parameters") ?? null;
  if (list === null) return NO_MAIN;
  return { parameters: javaParameters(list, declaredTypes(types, new Map(), budget)), hasMain: true, variadic: false };
}

/** Classes are found by their simple names; of two with one name the outer one counts. */
function collectTypes(block: Node, into: Map<string, Node>, depth: number): void {
  for (const node of block.namedChildren) {
    if (!TYPE_DECLARATIONS.has(node.type)) continue;
    const name = node.childForFieldName("name")?.text ?? "";
    if (!into.has(name)) into.set(name, node);
    const body = node.childForFieldName("body");
    if (body !== null && depth < MAX_NESTING) collectTypes(body, into, depth + 1);
  }
}

function isStaticMain(node: Node): boolean {
  if (node.type !== "method_declaration" || node.childForFieldName("name")?.text !== "main") return false;
  return node.namedChildren.some((child) => child.type === "modifiers" && child.children.some((word) => word.type === "static"));
}

function takesCommandLine(method: Node): boolean {
  const [only, ...more] = method.childForFieldName("parameters")?.namedChildren ?? [];
  return more.length === 0 && only?.type === "formal_parameter" && only.childForFieldName("type")?.text === "String[]";
}
