import type { ArrowFunctionExpression, Expression, Function as FunctionNode, ModuleExportName, Program, Statement } from "oxc-parser";
import { unwrap } from "./typescript-literals.ts";

type MainFunction = FunctionNode | ArrowFunctionExpression;

/** `opaque`: the file exports something called `main`, but its parameters are not to be seen here. */
export type FoundMain = { readonly kind: "none" } | { readonly kind: "opaque" } | { readonly kind: "function"; readonly node: MainFunction };

const NONE: FoundMain = { kind: "none" };
const OPAQUE: FoundMain = { kind: "opaque" };

/** Finds the export called `main`: declared on the spot, or declared elsewhere in the file and listed in an `export { … }`. */
export function findMain(program: Program): FoundMain {
  let found = NONE;
  for (const statement of program.body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.exportKind === "type") continue;
    const next = statement.declaration === null ? fromSpecifiers(statement, program) : fromDeclaration(statement.declaration, "main");
    // Overload signatures come before the implementation: the last one counts.
    if (next.kind !== "none") found = next;
  }
  return found;
}

type ExportList = Extract<Statement, { type: "ExportNamedDeclaration" }>;

function fromSpecifiers(statement: ExportList, program: Program): FoundMain {
  const specifier = statement.specifiers.find((one) => one.exportKind !== "type" && exportName(one.exported) === "main");
  if (specifier === undefined) return NONE;
  if (statement.source !== null) return OPAQUE;
  const local = exportName(specifier.local);
  let found = OPAQUE;
  for (const other of program.body) {
    const declaration = other.type === "ExportNamedDeclaration" ? other.declaration : other;
    const next = declaration === null ? NONE : fromDeclaration(declaration, local);
    if (next.kind !== "none") found = next;
  }
  return found;
}

function exportName(name: ModuleExportName): string {
  return name.type === "Literal" ? name.value : name.name;
}

function fromDeclaration(declaration: Statement, name: string): FoundMain {
  switch (declaration.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
      return declaration.id?.name === name ? { kind: "function", node: declaration } : NONE;
    case "VariableDeclaration": {
      const one = declaration.declarations.find((declarator) => declarator.id.type === "Identifier" && declarator.id.name === name);
      return one === undefined ? NONE : fromInitialiser(one.init);
    }
    default:
      return NONE;
  }
}

function fromInitialiser(init: Expression | null): FoundMain {
  if (init === null) return OPAQUE;
  const inner = unwrap(init);
  return inner.type === "ArrowFunctionExpression" || inner.type === "FunctionExpression" ? { kind: "function", node: inner } : OPAQUE;
}
