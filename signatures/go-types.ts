import type { Node } from "web-tree-sitter";
import { arrayOf, type DeclaredTypes, deeper, mapOf, resolveDeclared } from "./declared-types.ts";
import { ANY, type Parameter, type ParameterType, type Property } from "./model.ts";
import { nullable, unionOf } from "./parameter-types.ts";
import { positionalName } from "./positional-name.ts";

/**
 * The parameters of a Go function: as many as it has positions. Go has no defaults; a pointer may be left out, and then it is nil.
 * One without a usable name is called by its position.
 */
export function goParameters(list: Node, scope: DeclaredTypes): Parameter[] {
  const parameters: Parameter[] = [];
  for (const declaration of list.namedChildren) {
    const isRest = declaration.type === "variadic_parameter_declaration";
    if (declaration.type !== "parameter_declaration" && !isRest) continue;
    const type = goType(declaration.childForFieldName("type"), scope);
    const names = declaration.childrenForFieldName("name").filter((name) => name.isNamed);
    for (const name of names.length === 0 ? [""] : names.map((node) => node.text)) {
      parameters.push({
        name: positionalName(name, parameters.length),
        type: isRest ? arrayOf(type) : type,
        required: !isRest && declaration.childForFieldName("type")?.type !== "pointer_type",
      });
    }
  }
  return parameters;
}

const NAMED: ReadonlyMap<string, ParameterType> = new Map<string, ParameterType>([
  ["string", { kind: "string" }],
  ["bool", { kind: "boolean" }],
  ...["int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "byte", "rune"].map(
    (name): [string, ParameterType] => [name, { kind: "integer" }],
  ),
  ["float32", { kind: "number" }],
  ["float64", { kind: "number" }],
]);

const QUALIFIED: ReadonlyMap<string, ParameterType> = new Map<string, ParameterType>([
  ["time.Time", { kind: "string", format: "date-time" }],
  // Its JSON is a number of nanoseconds.
  ["time.Duration", { kind: "integer" }],
  ["json.Number", { kind: "number" }],
  ["uuid.UUID", { kind: "string", format: "uuid" }],
  ["url.URL", { kind: "object", properties: [] }],
  ["big.Int", { kind: "integer" }],
]);

function goType(node: Node | null, outer: DeclaredTypes): ParameterType {
  const scope = deeper(outer);
  if (node === null || scope === undefined) return ANY;
  switch (node.type) {
    case "type_identifier":
      return namedType(node.text, scope);
    case "qualified_type":
      return QUALIFIED.get(node.text) ?? ANY;
    case "pointer_type":
      return nullable(goType(node.firstNamedChild, scope));
    case "slice_type":
    case "array_type":
      return listType(node, scope);
    case "map_type":
      return mapOf(goType(node.childForFieldName("value"), scope));
    case "struct_type":
      return structType(node, scope);
    case "parenthesized_type":
      return goType(node.firstNamedChild, scope);
    default:
      return ANY;
  }
}

function namedType(name: string, scope: DeclaredTypes): ParameterType {
  return resolveDeclared(name, scope, (spec, inner) => goType(spec.childForFieldName("type"), inner)) ?? NAMED.get(name) ?? ANY;
}

/** `encoding/json` reads a slice of bytes from base64, an array of bytes from numbers. */
function listType(node: Node, scope: DeclaredTypes): ParameterType {
  const element = node.childForFieldName("element");
  const isByte = element?.text === "byte" || element?.text === "uint8";
  return node.type === "slice_type" && isByte ? { kind: "bytes" } : arrayOf(goType(element, scope));
}

function structType(node: Node, scope: DeclaredTypes): ParameterType {
  const properties = new Map<string, Property>();
  const fields = node.namedChildren.find((child) => child.type === "field_declaration_list")?.namedChildren ?? [];
  for (const field of fields) {
    if (field.type !== "field_declaration" || !scope.budget.spend()) continue;
    for (const property of fieldProperties(field, scope)) properties.set(property.name, property);
  }
  return { kind: "object", properties: [...properties.values()] };
}

/**
 * The members that a field stands for. Without a name in its tag `encoding/json` takes the field's own name in any mix of upper and lower
 * case, which a schema cannot say: such a member is not demanded.
 */
function fieldProperties(field: Node, scope: DeclaredTypes): readonly Property[] {
  const [tagName = "", ...options] = jsonTag(field.childForFieldName("tag"))?.split(",") ?? [];
  if (tagName === "-" && options.length === 0) return [];
  const names = field.childrenForFieldName("name").filter((name) => name.isNamed);
  const type = goType(field.childForFieldName("type"), scope);
  if (names.length === 0 && tagName === "") return embedded(type);
  const isOptional = tagName === "" || options.includes("omitempty") || options.includes("omitzero") || acceptsNull(type);
  const typed = options.includes("string") ? unionOf([{ kind: "string" }]) : type;
  const exported = names.map((name) => name.text).filter((name) => /^\p{Lu}/u.test(name));
  const wanted = names.length === 0 || (exported.length > 0 && tagName !== "") ? [tagName] : exported;
  return wanted.map((name) => ({ name, type: typed, required: !isOptional }));
}

/** The members of an embedded struct are members of the one around it. */
function embedded(type: ParameterType): readonly Property[] {
  const inner = type.kind === "union" ? type.options.find((option) => option.kind === "object") : type;
  return inner?.kind === "object" ? inner.properties : [];
}

function acceptsNull(type: ParameterType): boolean {
  return type.kind === "any" || (type.kind === "union" && type.options.some((option) => option.kind === "null"));
}

/** The value of `json:"…"` in a field's tag. */
function jsonTag(tag: Node | null): string | undefined {
  if (tag === null) return undefined;
  const text = tag.type === "raw_string_literal" ? tag.text.slice(1, -1) : tag.text.slice(1, -1).replaceAll('\\"', '"');
  // A tag is a list of key:"value".
  for (const part of text.matchAll(/([^\s:"]+):"((?:[^"\\]|\\.)*)"/g)) if (part[1] === "json") return part[2];
  return undefined;
}
