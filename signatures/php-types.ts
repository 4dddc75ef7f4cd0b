import type { Node } from "web-tree-sitter";
import { arrayOf, type DeclaredTypes, deeper, resolveDeclared } from "./declared-types.ts";
import { ANY, type JsonScalar, OPEN_OBJECT, type Parameter, type ParameterType, type Property } from "./model.ts";
import { nullable, resourceName, typeOfDefault, unionOf } from "./parameter-types.ts";
import { phpLiteral } from "./php-literals.ts";

/** The parameters of a PHP function; they are given by name, and `...$rest` takes every name that no other parameter has. */
export function phpParameters(list: Node, scope: DeclaredTypes): { parameters: Parameter[]; variadic: boolean } {
  const nodes = list.namedChildren;
  const parameters = nodes.filter((node) => node.type === "simple_parameter").map((node) => phpParameter(node, scope));
  return { parameters, variadic: nodes.some((node) => node.type === "variadic_parameter") };
}

/** A parameter of a function, or one of a constructor that is a property at the same time. */
function phpParameter(node: Node, scope: DeclaredTypes): Parameter {
  return member(plainName(node.childForFieldName("name")), node.childForFieldName("type"), node.childForFieldName("default_value"), scope);
}

function member(name: string, typeNode: Node | null, value: Node | null, scope: DeclaredTypes): Parameter {
  const declared = typeNode === null ? undefined : phpType(typeNode, scope);
  if (value === null) return { name, type: declared ?? ANY, required: true };
  const fallback = phpLiteral(value, scope.constants, scope.budget);
  if (fallback === undefined) return { name, type: declared ?? ANY, required: false };
  // `string $x = null` says that null is welcome.
  const type = declared === undefined ? typeOfDefault(fallback) : fallback === null ? nullable(declared) : declared;
  return { name, type, required: false, default: fallback };
}

/** `name` of `$name` and of `&$name`. */
function plainName(node: Node | null): string {
  const variable = node?.type === "by_ref" ? node.firstNamedChild : node;
  return variable?.firstNamedChild?.text ?? variable?.text.replace(/^\$/, "") ?? "";
}

/** PHP has one type for lists and for maps. */
const PHP_ARRAY: ParameterType = unionOf([arrayOf(undefined), OPEN_OBJECT]);

const PRIMITIVES: ReadonlyMap<string, ParameterType> = new Map<string, ParameterType>([
  ["string", { kind: "string" }],
  ["int", { kind: "integer" }],
  ["float", { kind: "number" }],
  ["bool", { kind: "boolean" }],
  ["false", { kind: "enum", values: [false] }],
  ["true", { kind: "enum", values: [true] }],
  ["null", { kind: "null" }],
  ["array", PHP_ARRAY],
  ["iterable", PHP_ARRAY],
  ["object", OPEN_OBJECT],
]);

const DATE_CLASSES = new Set(["DateTime", "DateTimeImmutable", "DateTimeInterface"]);
const OPAQUE_CLASSES = new Set(["mixed", "self", "static", "callable", "Closure", "Traversable", "Iterator", "Generator"]);

function phpType(node: Node, outer: DeclaredTypes): ParameterType {
  const scope = deeper(outer);
  if (scope === undefined) return ANY;
  switch (node.type) {
    case "primitive_type":
      return PRIMITIVES.get(node.text.toLowerCase()) ?? ANY;
    case "optional_type":
      return nullable(node.firstNamedChild === null ? ANY : phpType(node.firstNamedChild, scope));
    case "union_type":
      return unionOf(node.namedChildren.map((option) => phpType(option, scope)));
    case "named_type":
      return namedType(node.text, scope);
    default:
      return ANY;
  }
}

function namedType(path: string, scope: DeclaredTypes): ParameterType {
  const name = path.slice(path.lastIndexOf("\\") + 1);
  const declared = resolveDeclared(name, scope, declaredType);
  if (declared !== undefined) return declared;
  if (name === "stdClass") return OPEN_OBJECT;
  if (DATE_CLASSES.has(name)) return { kind: "string", format: "date-time" };
  // A class that the file does not define is how scripts name a resource type.
  return OPAQUE_CLASSES.has(name) || path.includes("\\") ? ANY : { kind: "resource", name: resourceName(name) };
}

function declaredType(node: Node, scope: DeclaredTypes): ParameterType {
  if (node.type === "enum_declaration") return enumType(node, scope);
  const properties = new Map<string, Property>();
  for (const one of node.childForFieldName("body")?.namedChildren ?? []) {
    if (!scope.budget.spend()) break;
    if (one.type === "property_declaration" && isPublic(one)) for (const property of declaredProperties(one, scope)) properties.set(property.name, property);
    if (one.type === "method_declaration" && one.childForFieldName("name")?.text === "__construct")
      for (const node of one.childForFieldName("parameters")?.namedChildren ?? []) {
        if (node.type !== "property_promotion_parameter" && node.type !== "simple_parameter") continue;
        const property = phpParameter(node, scope);
        properties.set(property.name, property);
      }
  }
  return { kind: "object", properties: [...properties.values()] };
}

function isPublic(property: Node): boolean {
  const words = property.namedChildren.map((child) => (child.type.endsWith("_modifier") ? child.text.toLowerCase() : ""));
  return !words.includes("private") && !words.includes("protected") && !words.includes("static");
}

function declaredProperties(declaration: Node, scope: DeclaredTypes): Property[] {
  return declaration.namedChildren
    .filter((child) => child.type === "property_element")
    .map((element) =>
      member(plainName(element.childForFieldName("name")), declaration.childForFieldName("type"), element.childForFieldName("default_value"), scope),
    );
}

/** The values of a backed enum, the names of another. */
function enumType(node: Node, scope: DeclaredTypes): ParameterType {
  const values: JsonScalar[] = [];
  for (const one of node.childForFieldName("body")?.namedChildren ?? []) {
    if (one.type !== "enum_case" || !scope.budget.spend()) continue;
    const value = one.childForFieldName("value");
    const literal = value === null ? one.childForFieldName("name")?.text : phpLiteral(value, scope.constants, scope.budget);
    if (typeof literal !== "string" && typeof literal !== "number") return ANY;
    values.push(literal);
  }
  return values.length === 0 ? ANY : unionOf([{ kind: "enum", values }]);
}
