import type { Node } from "web-tree-sitter";
import { arrayOf, type DeclaredTypes } from "./declared-types.ts";
import { ANY, type JsonScalar, type ParameterType, type Property } from "./model.ts";
import { unionOf } from "./parameter-types.ts";
import { attributesOf, type SerdeAttributes } from "./rust-serde.ts";

type ReadType = (node: Node | null, scope: DeclaredTypes) => ParameterType;

/** What a struct, an enum or an alias of the file is in JSON, as `serde` derives it. */
export function rustItemType(item: Node, scope: DeclaredTypes, readType: ReadType): ParameterType {
  const body = item.childForFieldName("body");
  const attributes = attributesOf(item);
  if (item.type === "type_item") return readType(item.childForFieldName("type"), scope);
  if (item.type === "enum_item") return enumType(body, attributes, scope, readType);
  if (body === null) return { kind: "null" };
  if (attributes.transparent) return readType(soleFieldType(body), scope);
  return body.type === "ordered_field_declaration_list" ? tupleType(body, scope, readType) : fieldsType(body, attributes, scope, readType);
}

function soleFieldType(body: Node): Node | null {
  const field = body.namedChildren.find((child) => child.type === "field_declaration");
  return (field ?? body).childForFieldName("type");
}

/** A struct with one unnamed field is written like the field, with several like a list. */
function tupleType(body: Node, scope: DeclaredTypes, readType: ReadType): ParameterType {
  const types = body.childrenForFieldName("type").map((type) => readType(type, scope));
  return types.length === 1 ? (types[0] ?? ANY) : arrayOf(unionOf(types));
}

function fieldsType(body: Node, container: SerdeAttributes, scope: DeclaredTypes, readType: ReadType): ParameterType {
  const properties = new Map<string, Property>();
  for (const field of body.namedChildren) {
    if (field.type !== "field_declaration" || !scope.budget.spend()) continue;
    const attributes = attributesOf(field);
    if (attributes.skip) continue;
    const type = readType(field.childForFieldName("type"), scope);
    if (attributes.flatten) {
      for (const property of type.kind === "object" ? type.properties : []) properties.set(property.name, property);
      continue;
    }
    const name = attributes.rename ?? container.renameField((field.childForFieldName("name")?.text ?? "").replace(/^r#/, ""));
    // `serde` reads a missing `Option` as `None`.
    const isOptional = attributes.hasDefault || container.hasDefault || /^(?:\w+::)*Option\s*</.test(field.childForFieldName("type")?.text.slice(0, 100) ?? "");
    properties.set(name, { name, type, required: !isOptional });
  }
  return { kind: "object", properties: [...properties.values()] };
}

/** Variants without content are their names; one with content is an object with the name as its only member, unless attributes say otherwise. */
function enumType(body: Node | null, container: SerdeAttributes, scope: DeclaredTypes, readType: ReadType): ParameterType {
  if (container.tagged) return { kind: "object", properties: [] };
  const names: JsonScalar[] = [];
  const options: ParameterType[] = [];
  for (const variant of body?.namedChildren ?? []) {
    if (variant.type !== "enum_variant" || !scope.budget.spend()) continue;
    const attributes = attributesOf(variant);
    if (attributes.skip) continue;
    const name = attributes.rename ?? container.renameVariant(variant.childForFieldName("name")?.text ?? "");
    const content = variant.childForFieldName("body");
    const type = contentType(content, attributes, scope, readType);
    if (container.untagged) options.push(type);
    else if (content === null) names.push(name);
    else options.push({ kind: "object", properties: [{ name, type, required: true }] });
  }
  return unionOf([...(names.length === 0 ? [] : [{ kind: "enum" as const, values: names }]), ...options]);
}

function contentType(content: Node | null, attributes: SerdeAttributes, scope: DeclaredTypes, readType: ReadType): ParameterType {
  if (content === null) return { kind: "null" };
  if (content.type === "ordered_field_declaration_list") return tupleType(content, scope, readType);
  return content.type === "field_declaration_list" ? fieldsType(content, attributes, scope, readType) : ANY;
}
