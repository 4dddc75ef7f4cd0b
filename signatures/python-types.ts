import type { Node } from "web-tree-sitter";
import { ANY, type JsonScalar, type ParameterType } from "./model.ts";
import { resourceName, unionOf } from "./parameter-types.ts";
import { classType } from "./python-classes.ts";
import { applyKnownType } from "./python-known-types.ts";
import { literalOf, stringOf } from "./python-literals.ts";
import type { TypeScope } from "./python-scope.ts";
import { MAX_TYPE_DEPTH } from "./work-budget.ts";

/**
 * Reads a type annotation, written as a type or (in an alias) as an expression. What it does not understand, and what
 * lies beyond the budget, is "anything".
 */
export function typeOf(node: Node, outer: TypeScope): ParameterType {
  if (outer.depth > MAX_TYPE_DEPTH || !outer.budget.spend()) return ANY;
  const scope = { ...outer, depth: outer.depth + 1 };
  switch (node.type) {
    case "type":
    case "parenthesized_expression":
      return node.firstNamedChild === null ? ANY : typeOf(node.firstNamedChild, scope);
    case "none":
      return { kind: "null" };
    case "identifier":
      return namedType(node.text, [], scope);
    case "attribute":
    case "member_type":
      return applyKnownType(lastPart(node), []) ?? ANY;
    case "union_type":
      return unionOf(node.namedChildren.map((option) => typeOf(option, scope)));
    case "binary_operator":
      return node.childForFieldName("operator")?.type === "|" ? unionOf(node.namedChildren.map((option) => typeOf(option, scope))) : ANY;
    case "generic_type":
    case "subscript":
      return genericType(node, scope);
    case "string":
      return forwardReference(node, scope);
    case "call":
      return newType(node, scope);
    default:
      return ANY;
  }
}

/** The part of a dotted name after the last dot. */
function lastPart(node: Node): string {
  return /[^.\s]*$/.exec(node.text)?.[0] ?? "";
}

function namedType(name: string, typeArguments: readonly ParameterType[], scope: TypeScope): ParameterType {
  const { classes, values, imported } = scope.declarations;
  const declaredClass = classes.get(name);
  const alias = values.get(name);
  if (declaredClass !== undefined || alias !== undefined) {
    if (scope.resolving.has(name)) return ANY;
    const inner = { ...scope, resolving: new Set(scope.resolving).add(name) };
    if (declaredClass !== undefined) return classType(declaredClass, inner, typeOf);
    if (alias === undefined) return ANY;
    // `postgresql = dict` is how Windmill scripts name a resource type.
    return alias.type === "identifier" && alias.text === "dict" ? { kind: "resource", name: resourceName(name) } : typeOf(alias, inner);
  }
  const origin = imported.get(name);
  const known = applyKnownType(origin ?? name, typeArguments);
  if (known !== undefined) return known;
  return origin === undefined ? { kind: "resource", name: resourceName(name) } : ANY;
}

/** `Name[…]`, as a type and as an expression. */
function genericType(node: Node, scope: TypeScope): ParameterType {
  const isType = node.type === "generic_type";
  const base = isType ? node.firstNamedChild : node.childForFieldName("value");
  const list = isType ? node.namedChildren.find((child) => child.type === "type_parameter")?.namedChildren : node.childrenForFieldName("subscript");
  if (base === null || list === undefined) return ANY;
  const parts = list.filter((part) => part.type !== "comment" && part.type !== "ellipsis" && part.text !== "...");
  const isDotted = base.type !== "identifier";
  const name = isDotted ? lastPart(base) : (scope.declarations.imported.get(base.text) ?? base.text);
  if (name === "Literal") return literalType(parts, scope);
  // What follows the type in Annotated is no type.
  const typeArguments = (name === "Annotated" ? parts.slice(0, 1) : parts).map((part) => typeOf(part, scope));
  return isDotted ? (applyKnownType(name, typeArguments) ?? ANY) : namedType(base.text, typeArguments, scope);
}

function literalType(parts: readonly Node[], scope: TypeScope): ParameterType {
  const values: JsonScalar[] = [];
  for (const part of parts) {
    const value = literalOf(part, scope.declarations.values, scope.budget);
    if (value === undefined || (value !== null && typeof value === "object")) return ANY;
    values.push(value);
  }
  return unionOf([{ kind: "enum", values }]);
}

/** `x: "list[Item]"`: the text is an annotation of its own. */
function forwardReference(node: Node, scope: TypeScope): ParameterType {
  const text = stringOf(node)?.trim();
  if (text === undefined || text === "" || /[\n#;]/.test(text)) return ANY;
  return scope.parseAnnotation(text, (annotation) => typeOf(annotation, scope)) ?? ANY;
}

/** `UserId = NewType("UserId", int)` is what its second argument says; other calls (TypeVar, for one) say nothing. */
function newType(node: Node, scope: TypeScope): ParameterType {
  const callee = node.childForFieldName("function");
  const base = node.childForFieldName("arguments")?.namedChildren[1];
  return callee !== null && lastPart(callee) === "NewType" && base !== undefined ? typeOf(base, scope) : ANY;
}
