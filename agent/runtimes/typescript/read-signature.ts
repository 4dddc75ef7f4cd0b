import { parseSync } from "oxc-parser";
import type { SyntaxFault } from "../refusal.ts";
import { type ImportReading, readImports } from "./read-imports.ts";

export interface SignatureParameter {
  /** Empty for a destructured parameter. */
  readonly name: string;
  /** Gets the whole arguments object: the only parameter is `{ a, b }`. */
  readonly whole: boolean;
}

export type Signature =
  | {
      readonly kind: "signature";
      readonly parameters: readonly SignatureParameter[];
      /** The code has enums, namespaces or parameter properties: types cannot just be blanked out. */
      readonly needsTransform: boolean;
      readonly imports: ImportReading;
    }
  | { readonly kind: "no_main"; readonly message: string; readonly imports: ImportReading }
  | { readonly kind: "syntax"; readonly fault: SyntaxFault };

/** What only a type checker minds; Node runs it: "a required parameter cannot follow an optional one". */
const HARMLESS = /\bTS\((?:1016)\)/;

type Node = Readonly<Record<string, unknown>>;

/**
 * Reads the parameters of the exported `main` from the syntax tree. Runs in a helper process only
 * (`signature-reader.ts`): the parser is native and recursive, and a deeply nested script ends the process it runs in.
 */
export function readSignature(code: string, language: "typescript" | "javascript"): Signature {
  const parsed = parseSync(language === "typescript" ? "main.ts" : "main.mjs", code, { sourceType: "module" });
  const error = parsed.errors.find((one) => one.severity === "Error" && !HARMLESS.test(one.message));
  if (error !== undefined) return { kind: "syntax", fault: faultAt(code, error.message, error.labels[0]?.start) };
  const body = nodes(record(parsed.program)?.["body"]);
  const imports = readImports(code, parsed, body);
  const found = exportedMain(body);
  if (found === undefined) return { kind: "no_main", message: "the script exports no function `main`", imports };
  const params = record(found)?.["params"];
  if (!Array.isArray(params)) return { kind: "no_main", message: "`main` must be written as a function, so that its parameters can be read", imports };
  return { kind: "signature", parameters: parametersOf(nodes(params)), needsTransform: language === "typescript" && needsTransform(body), imports };
}

function faultAt(code: string, message: string, offset: number | undefined): SyntaxFault {
  if (offset === undefined) return { message, line: 0 };
  const before = code.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineEnd = code.indexOf("\n", offset);
  const text = code.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
  return { message, line: before.split("\n").length, column: offset - lineStart + 1, text: text.slice(0, 500) };
}

/** The function node behind the export `main`; a node that is no function when it is something else. */
function exportedMain(body: readonly Node[]): unknown {
  const declared = new Map<string, unknown>();
  let local: string | undefined;
  for (const statement of body) {
    const exported = statement["type"] === "ExportNamedDeclaration";
    const declaration = exported ? record(statement["declaration"]) : statement;
    for (const [name, value] of declaredIn(declaration)) {
      declared.set(name, value);
      if (exported && name === "main") local = name;
    }
    if (!exported || statement["source"] !== null) continue;
    for (const specifier of nodes(statement["specifiers"])) {
      if (nameOf(specifier["exported"]) === "main") local = nameOf(specifier["local"]);
    }
  }
  return local === undefined ? undefined : (declared.get(local) ?? {});
}

function declaredIn(node: Node | undefined): [string, unknown][] {
  if (node?.["type"] === "FunctionDeclaration") return [[nameOf(node["id"]) ?? "", node]];
  if (node?.["type"] !== "VariableDeclaration") return [];
  return nodes(node["declarations"]).map((declarator) => [nameOf(declarator["id"]) ?? "", unwrap(declarator["init"])]);
}

/** Looks through parentheses, `as` and `satisfies`. */
function unwrap(node: unknown): unknown {
  const inner = record(node);
  const wraps = ["ParenthesizedExpression", "TSAsExpression", "TSSatisfiesExpression"].includes(String(inner?.["type"]));
  return wraps ? unwrap(inner?.["expression"]) : node;
}

function parametersOf(params: readonly Node[]): SignatureParameter[] {
  const named = params.filter((param) => param["type"] !== "RestElement" && nameOf(param) !== "this");
  // A destructured parameter beside others has no name of its own: the schema calls it by its place.
  return named.map((param, index) => {
    const target = param["type"] === "AssignmentPattern" ? record(param["left"]) : param;
    return { name: nameOf(target) ?? (named.length === 1 ? "" : `arg${index + 1}`), whole: named.length === 1 && target?.["type"] === "ObjectPattern" };
  });
}

const NOT_ERASABLE = new Set(["TSEnumDeclaration", "TSModuleDeclaration", "TSParameterProperty", "TSImportEqualsDeclaration", "TSExportAssignment"]);

function needsTransform(body: readonly Node[]): boolean {
  const todo: unknown[] = [...body];
  for (let value = todo.pop(); value !== undefined; value = todo.pop()) {
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item === "object" && item !== null) todo.push(item);
      continue;
    }
    const node = record(value);
    if (node === undefined || node["declare"] === true) continue;
    if (NOT_ERASABLE.has(String(node["type"]))) return true;
    for (const child of Object.values(node)) if (typeof child === "object" && child !== null) todo.push(child);
  }
  return false;
}

function nameOf(node: unknown): string | undefined {
  const name = record(node)?.["name"];
  return typeof name === "string" ? name : undefined;
}

function nodes(value: unknown): Node[] {
  return Array.isArray(value) ? value.map(record).filter((node) => node !== undefined) : [];
}

function record(value: unknown): Node | undefined {
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
