import type { Node } from "web-tree-sitter";

/** The top-level names of a Python file that a signature may refer to. */
export interface Declarations {
  readonly classes: ReadonlyMap<string, ClassDeclaration>;
  /** Right-hand sides of top-level assignments and `type` statements. */
  readonly values: ReadonlyMap<string, Node>;
  /** Local name of what `from … import` brings in → its name over there. `import x` counts as well. */
  readonly imported: ReadonlyMap<string, string>;
  /** The last top-level `def main`, if there is one. */
  readonly main: Node | undefined;
  /** True when `main` is assigned or imported rather than defined. */
  readonly opaqueMain: boolean;
}

export interface ClassDeclaration {
  readonly node: Node;
  readonly decorators: readonly Node[];
}

/** How deep `if`, `try` and `with` blocks of the top level are searched. */
const MAX_BLOCK_DEPTH = 4;

interface Collected {
  readonly classes: Map<string, ClassDeclaration>;
  readonly values: Map<string, Node>;
  readonly imported: Map<string, string>;
  main: Node | undefined;
  opaqueMain: boolean;
}

/** Collects what the top level of a file defines, also inside its `if`, `try` and `with` blocks. */
export function collectDeclarations(root: Node): Declarations {
  const collected: Collected = { classes: new Map(), values: new Map(), imported: new Map(), main: undefined, opaqueMain: false };
  collectBlock(root, collected, 0);
  return collected;
}

function collectBlock(block: Node, into: Collected, depth: number): void {
  for (const statement of block.namedChildren) collectStatement(statement, into, depth);
}

function collectStatement(statement: Node, into: Collected, depth: number): void {
  switch (statement.type) {
    case "decorated_definition": {
      const definition = statement.childForFieldName("definition");
      if (definition !== null)
        collectDefinition(
          definition,
          statement.namedChildren.filter((child) => child.type === "decorator"),
          into,
        );
      break;
    }
    case "function_definition":
    case "class_definition":
      collectDefinition(statement, [], into);
      break;
    case "expression_statement":
      if (statement.firstNamedChild?.type === "assignment") collectAssignment(statement.firstNamedChild, into);
      break;
    case "type_alias_statement": {
      const name = statement.childForFieldName("left")?.text;
      const value = statement.childForFieldName("right");
      if (name !== undefined && value !== null) into.values.set(name, value);
      break;
    }
    case "import_statement":
    case "import_from_statement":
      collectImport(statement, into);
      break;
    case "if_statement":
    case "else_clause":
    case "elif_clause":
    case "try_statement":
    case "except_clause":
    case "finally_clause":
    case "with_statement":
    case "block":
      if (depth < MAX_BLOCK_DEPTH * 2) collectBlock(statement, into, depth + 1);
      break;
    default:
  }
}

function collectDefinition(definition: Node, decorators: readonly Node[], into: Collected): void {
  const name = definition.childForFieldName("name")?.text;
  if (name === undefined) return;
  if (definition.type === "class_definition") into.classes.set(name, { node: definition, decorators });
  else if (name === "main") into.main = definition;
}

function collectAssignment(assignment: Node, into: Collected): void {
  const target = assignment.childForFieldName("left");
  const value = assignment.childForFieldName("right");
  if (target?.type !== "identifier" || value === null) return;
  if (target.text === "main") into.opaqueMain = true;
  into.values.set(target.text, value);
}

function collectImport(statement: Node, into: Collected): void {
  for (const name of statement.childrenForFieldName("name")) {
    const alias = name.childForFieldName("alias")?.text;
    const path = (name.childForFieldName("name") ?? name).text.split(".");
    const local = alias ?? (statement.type === "import_statement" ? path[0] : path.at(-1)) ?? "";
    into.imported.set(local, path.at(-1) ?? local);
    if (local === "main") into.opaqueMain = true;
  }
}
