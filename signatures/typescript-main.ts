import type { ArrowFunctionExpression, Expression, Function as FunctionNode, ModuleExportName, Program, Statement } from "oxc-parser";
import { unwrap } from "./typescript-literals.ts";

type MainFunction = FunctionNode | ArrowFunctionExpression;

/** `opaque`: the file exports something called `main`, but its parameters are not to be seen here. */
export type FoundMain = { readonly kind: "none" } | { readonly kind: "opaque" } | { readonly kind: "function"; readonly node: MainFunction };

const NONE: FoundMain = { kind: "none" };
const OPAQUE: FoundMain = { kind: "opaque" };

/** Finds the export called `main`: declared on the spot, or declared elsewhere in the file and listed in an `export { … }`. */
export function findMain(program: Program): FoundMain {
  const exported = program.body.filter((statement) => statement.type === "ExportNamedDeclaration" && statement.exportKind !== "type");
  const declared = findDeclared(exported, "main");
  if (declared.kind !== "none") return declared;
  for (const statement of exported) {
    if (statement.type !== "ExportNamedDeclaration") continue;
    const specifier = statement.specifiers.find((one) => one.exportKind !== "type" && exportName(one.exported) === "main");
    if (specifier === undefined) continue;
    const local = statement.source === null ? findDeclared(program.body, exportName(specifier.local)) : OPAQUE;
    return local.kind === "none" ? OPAQUE : local;
  }
  return NONE;
}

/** Overload signatures come before the implementation: of several declarations the last one counts. */
function findDeclared(statements: Program["body"], name: string): FoundMain {
  let found = NONE;
  for (const statement of statements) {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    const next = declaration === null ? NONE : fromDeclaration(declaration, name);
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
