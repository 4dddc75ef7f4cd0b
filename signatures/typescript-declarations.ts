import type { Class, Expression, Program, Statement, TSEnumDeclaration, TSInterfaceDeclaration, TSTypeAliasDeclaration } from "oxc-parser";

/** A named type that the file itself declares. Interfaces of one name add up. */
export type TypeDeclaration =
  | { readonly kind: "alias"; readonly node: TSTypeAliasDeclaration }
  | { readonly kind: "interface"; readonly nodes: readonly TSInterfaceDeclaration[] }
  | { readonly kind: "enum"; readonly node: TSEnumDeclaration }
  | { readonly kind: "class"; readonly node: Class };

/** The top-level names of a file that a signature may refer to. */
export interface Declarations {
  readonly types: ReadonlyMap<string, TypeDeclaration>;
  readonly constants: ReadonlyMap<string, Expression>;
  readonly imported: ReadonlySet<string>;
}

/** Collects what the top level of a file declares, exported or not. */
export function collectDeclarations(program: Program): Declarations {
  const types = new Map<string, TypeDeclaration>();
  const constants = new Map<string, Expression>();
  const imported = new Set<string>();
  for (const statement of program.body) {
    if (statement.type === "ImportDeclaration") for (const specifier of statement.specifiers) imported.add(specifier.local.name);
    const node = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (node !== null) collectDeclaration(node, types, constants);
  }
  return { types, constants, imported };
}

function collectDeclaration(node: Statement, types: Map<string, TypeDeclaration>, constants: Map<string, Expression>): void {
  switch (node.type) {
    case "TSTypeAliasDeclaration":
      types.set(node.id.name, { kind: "alias", node });
      break;
    case "TSInterfaceDeclaration": {
      const earlier = types.get(node.id.name);
      types.set(node.id.name, { kind: "interface", nodes: earlier?.kind === "interface" ? [...earlier.nodes, node] : [node] });
      break;
    }
    case "TSEnumDeclaration":
      types.set(node.id.name, { kind: "enum", node });
      break;
    case "ClassDeclaration":
      if (node.id !== null) types.set(node.id.name, { kind: "class", node });
      break;
    case "VariableDeclaration":
      if (node.kind !== "const") break;
      for (const one of node.declarations) if (one.id.type === "Identifier" && one.init !== null) constants.set(one.id.name, one.init);
      break;
    default:
  }
}
