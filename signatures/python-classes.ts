import type { Node } from "web-tree-sitter";
import { ANY, type JsonScalar, type ParameterType, type Property } from "./model.ts";
import { unionOf } from "./parameter-types.ts";
import type { ClassDeclaration } from "./python-declarations.ts";
import { literalOf } from "./python-literals.ts";
import type { TypeScope } from "./python-scope.ts";

type ReadType = (node: Node, scope: TypeScope) => ParameterType;

const ENUM_BASES = new Set(["Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"]);

/**
 * What a class of the file stands for as a type: an enum lists its values; a TypedDict, dataclass or model (anything
 * with annotated fields) is an object with these fields, those of its bases in the file included.
 */
export function classType(declaration: ClassDeclaration, scope: TypeScope, readType: ReadType): ParameterType {
  const bases = baseNames(declaration.node);
  if (bases.some((base) => ENUM_BASES.has(base))) return enumType(declaration.node, scope);
  const fields = collectFields(declaration, scope, readType, new Set());
  return fields.size === 0 ? ANY : { kind: "object", properties: [...fields.values()] };
}

function baseNames(node: Node): string[] {
  const bases = node.childForFieldName("superclasses")?.namedChildren ?? [];
  return bases.filter((base) => base.type === "identifier" || base.type === "attribute").map((base) => base.text.split(".").at(-1) ?? "");
}

function collectFields(declaration: ClassDeclaration, scope: TypeScope, readType: ReadType, seen: Set<number>): Map<string, Property> {
  const fields = new Map<string, Property>();
  if (seen.has(declaration.node.id) || !scope.budget.spend()) return fields;
  seen.add(declaration.node.id);
  for (const base of baseNames(declaration.node)) {
    const inFile = scope.declarations.classes.get(base);
    if (inFile !== undefined) for (const [name, field] of collectFields(inFile, scope, readType, seen)) fields.set(name, field);
  }
  const total = !/\btotal\s*=\s*False\b/.test(declaration.node.childForFieldName("superclasses")?.text ?? "");
  for (const statement of declaration.node.childForFieldName("body")?.namedChildren ?? []) {
    const field = readField(statement, total, scope, readType);
    if (field !== undefined) fields.set(field.name, field);
  }
  return fields;
}

function readField(statement: Node, total: boolean, scope: TypeScope, readType: ReadType): Property | undefined {
  const assignment = statement.type === "expression_statement" ? statement.firstNamedChild : null;
  const target = assignment?.childForFieldName("left");
  const annotation = assignment?.childForFieldName("type");
  if (assignment?.type !== "assignment" || target?.type !== "identifier" || !annotation) return undefined;
  if (/^(?:\w+\.)?ClassVar\b/.test(annotation.text)) return undefined;
  const value = assignment.childForFieldName("right");
  const fallback = value === null ? undefined : literalOf(value, scope.declarations.values, scope.budget);
  const field = { name: target.text, type: readType(annotation, scope), required: value === null && isRequired(annotation.text, total) };
  return fallback === undefined ? field : { ...field, default: fallback };
}

function isRequired(annotation: string, total: boolean): boolean {
  if (/^(?:\w+\.)?NotRequired\b/.test(annotation)) return false;
  return total || /^(?:\w+\.)?Required\b/.test(annotation);
}

function enumType(node: Node, scope: TypeScope): ParameterType {
  const values: JsonScalar[] = [];
  for (const statement of node.childForFieldName("body")?.namedChildren ?? []) {
    const assignment = statement.type === "expression_statement" ? statement.firstNamedChild : null;
    const right = assignment?.type === "assignment" ? assignment.childForFieldName("right") : null;
    if (right === null) continue;
    const value = literalOf(right, scope.declarations.values, scope.budget);
    if (value === undefined || (value !== null && typeof value === "object")) return ANY;
    values.push(value);
  }
  return values.length === 0 ? ANY : unionOf([{ kind: "enum", values }]);
}
