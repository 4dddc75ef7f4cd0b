import type { Node } from "web-tree-sitter";
import { arrayOf, type DeclaredTypes, deeper, mapOf, resolveDeclared } from "./declared-types.ts";
import { ANY, type JsonScalar, type Parameter, type ParameterType, type Property } from "./model.ts";
import { nullable, unionOf } from "./parameter-types.ts";

/** The parameters of a Java method: as many as it has positions. A boxed type or an `Optional` may be left out, and then it is null or empty. */
export function javaParameters(list: Node, scope: DeclaredTypes): Parameter[] {
  const parameters: Parameter[] = [];
  for (const node of list.namedChildren) {
    if (node.type === "formal_parameter") parameters.push(component(node, scope));
    else if (node.type === "spread_parameter") {
      const name = node.namedChildren.find((child) => child.type === "variable_declarator")?.childForFieldName("name")?.text ?? "";
      const type = node.namedChildren.find((child) => child.type !== "modifiers" && child.type !== "variable_declarator") ?? null;
      parameters.push({ name, type: arrayOf(javaType(type, scope)), required: false });
    }
  }
  return parameters;
}

/** A parameter of a method or a component of a record. */
function component(node: Node, scope: DeclaredTypes): Property {
  const type = javaType(node.childForFieldName("type"), scope);
  return {
    name: node.childForFieldName("name")?.text ?? "",
    type: node.childForFieldName("dimensions") === null ? type : arrayOf(type),
    required: !acceptsNull(type),
  };
}

function acceptsNull(type: ParameterType): boolean {
  return type.kind === "union" && type.options.some((option) => option.kind === "null");
}

type KnownType = (typeArguments: readonly ParameterType[]) => ParameterType;

const list: KnownType = ([items]) => arrayOf(items);
const constant =
  (type: ParameterType): KnownType =>
  () =>
    type;
const INTEGER: ParameterType = { kind: "integer" };
const NUMBER: ParameterType = { kind: "number" };

function named(names: string, type: KnownType): [string, KnownType][] {
  return names.split(" ").map((name) => [name, type]);
}

/** Types of the language and its library, by their simple names. */
const KNOWN: ReadonlyMap<string, KnownType> = new Map([
  ...named("String CharSequence char", constant({ kind: "string" })),
  ...named("Character", constant(nullable({ kind: "string" }))),
  ...named("byte short int long BigInteger", constant(INTEGER)),
  ...named("Byte Short Integer Long", constant(nullable(INTEGER))),
  ...named("float double Number", constant(NUMBER)),
  ...named("Float Double", constant(nullable(NUMBER))),
  ...named("BigDecimal", constant(unionOf([NUMBER, { kind: "string" }]))),
  ...named("boolean", constant({ kind: "boolean" })),
  ...named("Boolean", constant(nullable({ kind: "boolean" }))),
  ...named("List ArrayList LinkedList Collection Iterable Set HashSet LinkedHashSet TreeSet SortedSet Queue Deque ArrayDeque", list),
  ...named("Map HashMap LinkedHashMap TreeMap SortedMap ConcurrentHashMap", ([, values]) => mapOf(values)),
  ...named("Optional", ([type]) => nullable(type ?? ANY)),
  ...named("OptionalInt OptionalLong", constant(nullable(INTEGER))),
  ...named("OptionalDouble", constant(nullable(NUMBER))),
  ...named("Instant LocalDateTime ZonedDateTime OffsetDateTime Date", constant({ kind: "string", format: "date-time" })),
  ...named("LocalDate", constant({ kind: "string", format: "date" })),
  ...named("LocalTime", constant({ kind: "string", format: "time" })),
  ...named("UUID", constant({ kind: "string", format: "uuid" })),
]);

function javaType(node: Node | null, outer: DeclaredTypes): ParameterType {
  const scope = deeper(outer);
  if (node === null || scope === undefined) return ANY;
  switch (node.type) {
    case "integral_type":
    case "floating_point_type":
    case "boolean_type":
      return KNOWN.get(node.text)?.([]) ?? ANY;
    case "type_identifier":
    case "scoped_type_identifier":
      return namedType(lastName(node), [], scope);
    case "generic_type":
      return genericType(node, scope);
    case "array_type":
      return arrayType(node, scope);
    case "annotated_type":
      return javaType(node.lastNamedChild, scope);
    case "wildcard":
      return node.namedChildren.length === 0 ? ANY : javaType(node.lastNamedChild, scope);
    default:
      return ANY;
  }
}

/** `Instant` of `java.time.Instant`. */
function lastName(node: Node): string {
  return (node.type === "scoped_type_identifier" ? node.lastNamedChild?.text : node.text) ?? "";
}

function namedType(name: string, typeArguments: readonly ParameterType[], scope: DeclaredTypes): ParameterType {
  return resolveDeclared(name, scope, declaredType) ?? KNOWN.get(name)?.(typeArguments) ?? ANY;
}

function genericType(node: Node, scope: DeclaredTypes): ParameterType {
  const base = node.firstNamedChild;
  const typeArguments = node.namedChildren.find((child) => child.type === "type_arguments")?.namedChildren ?? [];
  return base === null
    ? ANY
    : namedType(
        lastName(base),
        typeArguments.map((argument) => javaType(argument, scope)),
        scope,
      );
}

/** One level of array per pair of brackets; an array of bytes travels as base64 text. */
function arrayType(node: Node, scope: DeclaredTypes): ParameterType {
  const element = node.childForFieldName("element");
  const levels = Math.min(node.childForFieldName("dimensions")?.children.filter((child) => child.type === "[").length ?? 1, 8);
  let type: ParameterType = element?.text === "byte" ? { kind: "bytes" } : arrayOf(javaType(element, scope));
  for (let level = 1; level < levels; level++) type = arrayOf(type);
  return type;
}

function declaredType(node: Node, scope: DeclaredTypes): ParameterType {
  if (node.type === "enum_declaration") return enumType(node, scope);
  if (node.type === "interface_declaration") return ANY;
  if (node.type === "record_declaration") {
    const components = node.childForFieldName("parameters")?.namedChildren.filter((child) => child.type === "formal_parameter") ?? [];
    return { kind: "object", properties: components.map((child) => component(child, scope)) };
  }
  return { kind: "object", properties: [...classFields(node, scope, new Set()).values()] };
}

function enumType(node: Node, scope: DeclaredTypes): ParameterType {
  const values: JsonScalar[] = [];
  for (const constant of node.childForFieldName("body")?.namedChildren ?? []) {
    const name = constant.type === "enum_constant" && scope.budget.spend() ? constant.childForFieldName("name")?.text : undefined;
    if (name !== undefined) values.push(name);
  }
  return unionOf([{ kind: "enum", values }]);
}

/** Fields that are not static, those of a superclass of the file first. What the class itself fills need not be given. */
function classFields(node: Node, scope: DeclaredTypes, seen: Set<number>): Map<string, Property> {
  const fields = new Map<string, Property>();
  if (seen.has(node.id) || !scope.budget.spend()) return fields;
  seen.add(node.id);
  const base = node.childForFieldName("superclass")?.firstNamedChild;
  const baseClass = base ? scope.types.get(lastName(base)) : undefined;
  if (baseClass !== undefined) for (const [name, field] of classFields(baseClass, scope, seen)) fields.set(name, field);
  for (const member of node.childForFieldName("body")?.namedChildren ?? []) {
    if (member.type !== "field_declaration" || isLeftOut(member)) continue;
    const type = javaType(member.childForFieldName("type"), scope);
    for (const declarator of member.childrenForFieldName("declarator")) {
      const name = declarator.childForFieldName("name")?.text ?? "";
      fields.set(name, { name, type, required: declarator.childForFieldName("value") === null && !acceptsNull(type) });
    }
  }
  return fields;
}

function isLeftOut(field: Node): boolean {
  const words = field.namedChildren.find((child) => child.type === "modifiers")?.children ?? [];
  return words.some((word) => word.type === "static" || word.type === "transient");
}
