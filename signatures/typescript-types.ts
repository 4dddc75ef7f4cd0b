import type { TSEnumDeclaration, TSLiteral, TSSignature, TSType, TSTypeReference } from "oxc-parser";
import { ANY, type JsonScalar, OPEN_OBJECT, type ParameterType, type Property } from "./model.ts";
import { resourceName, unionOf } from "./parameter-types.ts";
import { applyBuiltIn } from "./typescript-built-ins.ts";
import type { TypeDeclaration } from "./typescript-declarations.ts";
import { keyName, literalOf } from "./typescript-literals.ts";
import { indexedLiterals, keyLiterals } from "./typescript-queries.ts";
import type { TypeScope } from "./typescript-scope.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

/** Reads a type annotation. What it does not understand, and what lies beyond the budget, is "anything". */
export function typeOf(node: TSType, outer: TypeScope): ParameterType {
  if (outer.depth > MAX_TYPE_DEPTH || !outer.budget.spend()) return ANY;
  const scope = { ...outer, depth: outer.depth + 1 };
  switch (node.type) {
    case "TSStringKeyword":
    case "TSTemplateLiteralType":
      return { kind: "string" };
    case "TSNumberKeyword":
      return { kind: "number" };
    case "TSBigIntKeyword":
      return { kind: "integer" };
    case "TSBooleanKeyword":
      return { kind: "boolean" };
    case "TSNullKeyword":
      return { kind: "null" };
    case "TSObjectKeyword":
      return OPEN_OBJECT;
    case "TSParenthesizedType":
      return typeOf(node.typeAnnotation, scope);
    case "TSTypeOperator":
      return node.operator === "keyof" ? keyLiterals(node.typeAnnotation, scope) : typeOf(node.typeAnnotation, scope);
    case "TSArrayType":
      return { kind: "array", items: typeOf(node.elementType, scope) };
    case "TSTupleType":
      return { kind: "array", items: ANY };
    case "TSLiteralType":
      return literalType(node.literal, scope);
    case "TSUnionType":
      return unionOf(node.types.filter((option) => !isUndefined(option)).map((option) => typeOf(option, scope)));
    case "TSIntersectionType":
      return intersectionOf(node.types.map((part) => typeOf(part, scope)));
    case "TSTypeLiteral":
      return objectType(node.members, scope);
    case "TSIndexedAccessType":
      return indexedLiterals(node, scope);
    case "TSTypeReference":
      return referencedType(node, scope);
    default:
      return ANY;
  }
}

function isUndefined(node: TSType): boolean {
  return node.type === "TSUndefinedKeyword" || node.type === "TSVoidKeyword";
}

/** True when the annotation lets the caller leave the value out: `undefined` is one of its options. */
export function allowsUndefined(node: TSType, scope: TypeScope): boolean {
  if (scope.depth > MAX_TYPE_DEPTH || !scope.budget.spend()) return false;
  const inner = { ...scope, depth: scope.depth + 1 };
  if (isUndefined(node)) return true;
  if (node.type === "TSParenthesizedType") return allowsUndefined(node.typeAnnotation, inner);
  if (node.type === "TSUnionType") return node.types.some((option) => allowsUndefined(option, inner));
  if (node.type !== "TSTypeReference" || node.typeName.type !== "Identifier") return false;
  const declaration = scope.declarations.types.get(node.typeName.name);
  return declaration?.kind === "alias" && allowsUndefined(declaration.node.typeAnnotation, inner);
}

function literalType(literal: TSLiteral, scope: TypeScope): ParameterType {
  const value = literalOf(literal, scope.declarations.constants, scope.budget);
  if (value === undefined || typeof value === "object") return literal.type === "TemplateLiteral" ? { kind: "string" } : ANY;
  return { kind: "enum", values: [value] };
}

/** Members of an object type or interface. Methods cannot travel as JSON: they are left out. */
function objectType(members: readonly TSSignature[], scope: TypeScope): ParameterType {
  const properties = new Map<string, Property>();
  let values: ParameterType | undefined;
  for (const member of members) {
    if (member.type === "TSIndexSignature") values = typeOf(member.typeAnnotation.typeAnnotation, scope);
    if (member.type !== "TSPropertySignature") continue;
    const name = keyName(member.key, member.computed);
    if (name === undefined) continue;
    const annotation = member.typeAnnotation?.typeAnnotation;
    const type = annotation === undefined ? ANY : typeOf(annotation, scope);
    const required = !member.optional && !(annotation !== undefined && allowsUndefined(annotation, scope));
    properties.set(name, { name, type, required });
  }
  return { kind: "object", properties: [...properties.values()], ...(values === undefined ? {} : { values }) };
}

/** Objects add up; other intersections (branded strings, for one) are what their first non-object part is. */
function intersectionOf(parts: readonly ParameterType[]): ParameterType {
  const scalar = parts.find((part) => part.kind !== "object");
  if (scalar !== undefined) return scalar;
  const properties = new Map<string, Property>();
  let values: ParameterType | undefined;
  for (const part of parts) {
    if (part.kind !== "object") continue;
    for (const property of part.properties) properties.set(property.name, property);
    values = part.values ?? values;
  }
  return { kind: "object", properties: [...properties.values()], ...(values === undefined ? {} : { values }) };
}

function referencedType(node: TSTypeReference, scope: TypeScope): ParameterType {
  const typeArguments = (node.typeArguments?.params ?? []).map((argument) => typeOf(argument, scope));
  const { typeName } = node;
  if (typeName.type === "TSQualifiedName") {
    const owner = typeName.left.type === "Identifier" ? typeName.left.name : "";
    if (scope.declarations.types.get(owner)?.kind === "enum") return ANY;
    // `RT` is the namespace under which generated resource types live.
    if (owner === "RT") return { kind: "resource", name: resourceName(typeName.right.name) };
    return applyBuiltIn(typeName.right.name, typeArguments) ?? ANY;
  }
  if (typeName.type !== "Identifier") return ANY;
  const { name } = typeName;
  const bound = scope.parameters.get(name);
  if (bound !== undefined) return scope.budget.spend(sizeOf(bound, scope.budget)) ? bound : ANY;
  const declaration = scope.declarations.types.get(name);
  if (declaration !== undefined) return declaredType(name, declaration, typeArguments, scope);
  const builtIn = applyBuiltIn(name, typeArguments);
  if (builtIn !== undefined) return builtIn;
  if (scope.declarations.imported.has(name)) return ANY;
  return /^[A-Z]/.test(name) ? { kind: "resource", name: resourceName(name) } : ANY;
}

function declaredType(name: string, declaration: TypeDeclaration, typeArguments: readonly ParameterType[], outer: TypeScope): ParameterType {
  if (outer.resolving.has(name)) return ANY;
  const scope = { ...outer, resolving: new Set(outer.resolving).add(name), parameters: new Map<string, ParameterType>() };
  switch (declaration.kind) {
    case "alias":
      bind(declaration.node.typeParameters?.params ?? [], typeArguments, scope);
      return typeOf(declaration.node.typeAnnotation, scope);
    case "interface":
      return intersectionOf(declaration.nodes.flatMap((node) => interfaceParts(node, typeArguments, scope)));
    case "enum":
      return enumType(declaration.node, scope);
    case "class":
      return OPEN_OBJECT;
  }
}

type InterfaceNode = Extract<TypeDeclaration, { kind: "interface" }>["nodes"][number];
type GenericParameters = NonNullable<InterfaceNode["typeParameters"]>["params"];
type BindingScope = TypeScope & { readonly parameters: Map<string, ParameterType> };

function bind(parameters: GenericParameters, typeArguments: readonly ParameterType[], scope: BindingScope): void {
  parameters.forEach((parameter, index) => {
    const given = typeArguments[index];
    const fallback = parameter.default ?? parameter.constraint;
    scope.parameters.set(parameter.name.name, given ?? (fallback === null ? ANY : typeOf(fallback, scope)));
  });
}

/** The scope inside a generic function: its type parameters stand for their constraints. */
export function functionScope(parameters: GenericParameters, outer: TypeScope): TypeScope {
  const scope = { ...outer, parameters: new Map<string, ParameterType>() };
  bind(parameters, [], scope);
  return scope;
}

function interfaceParts(node: InterfaceNode, typeArguments: readonly ParameterType[], scope: BindingScope): ParameterType[] {
  bind(node.typeParameters?.params ?? [], typeArguments, scope);
  const bases = node.extends.map((base): ParameterType => {
    const expression = base.expression;
    const declaration = expression.type === "Identifier" ? scope.declarations.types.get(expression.name) : undefined;
    if (expression.type !== "Identifier" || declaration === undefined) return OPEN_OBJECT;
    const given = (base.typeArguments?.params ?? []).map((argument) => typeOf(argument, scope));
    const type = declaredType(expression.name, declaration, given, { ...scope, depth: scope.depth + 1 });
    return type.kind === "object" ? type : OPEN_OBJECT;
  });
  return [...bases, objectType(node.body.body, scope)];
}

function enumType(node: TSEnumDeclaration, scope: TypeScope): ParameterType {
  const values: JsonScalar[] = [];
  let next = 0;
  for (const member of node.body.members) {
    const value = member.initializer === null ? next : literalOf(member.initializer, scope.declarations.constants, scope.budget);
    if (typeof value !== "string" && typeof value !== "number") return ANY;
    if (typeof value === "number") next = value + 1;
    values.push(value);
  }
  return unionOf([{ kind: "enum", values }]);
}

/** Size of a type when written out; counted no further than the budget could pay. */
function sizeOf(type: ParameterType, budget: WorkBudget): number {
  const pending = [type];
  let size = 0;
  for (let next = pending.pop(); next !== undefined && size <= budget.limit - budget.spent; next = pending.pop()) {
    size += 1;
    if (next.kind === "array") pending.push(next.items);
    else if (next.kind === "union") pending.push(...next.options);
    else if (next.kind === "enum") size += next.values.length;
    else if (next.kind === "object") pending.push(...next.properties.map((property) => property.type), ...(next.values === undefined ? [] : [next.values]));
  }
  return size;
}
