import type { Node } from "web-tree-sitter";
import { arrayOf, type DeclaredTypes, deeper, mapOf, resolveDeclared } from "./declared-types.ts";
import { ANY, type Parameter, type ParameterType } from "./model.ts";
import { nullable, unionOf } from "./parameter-types.ts";
import { positionalName } from "./positional-name.ts";
import { rustItemType } from "./rust-items.ts";

/** The parameters of a Rust function: as many as it has positions. An `Option` may be left out, and then it is `None`. */
export function rustParameters(list: Node, scope: DeclaredTypes): Parameter[] {
  return list.namedChildren
    .filter((node) => node.type === "parameter")
    .map((node, index) => {
      const pattern = node.childForFieldName("pattern");
      const type = node.childForFieldName("type");
      const name = pattern?.type === "identifier" ? pattern.text.replace(/^r#/, "") : "";
      return { name: positionalName(name, index), type: rustType(type, scope), required: !isOption(type) };
    });
}

function isOption(type: Node | null): boolean {
  return type?.type === "generic_type" && lastName(type.childForFieldName("type")) === "Option";
}

type KnownType = (typeArguments: readonly ParameterType[]) => ParameterType;

const first: KnownType = ([type]) => type ?? ANY;
const list: KnownType = ([items]) => arrayOf(items);
const constant =
  (type: ParameterType): KnownType =>
  () =>
    type;

function named(names: string, type: KnownType): [string, KnownType][] {
  return names.split(" ").map((name) => [name, type]);
}

/** Types of the language, its standard library and of widely used crates, by the last part of their path. */
const KNOWN: ReadonlyMap<string, KnownType> = new Map([
  ...named("i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize", constant({ kind: "integer" })),
  ...named("f32 f64", constant({ kind: "number" })),
  ...named("bool", constant({ kind: "boolean" })),
  ...named("str char String Path PathBuf OsString", constant({ kind: "string" })),
  ...named("Vec VecDeque LinkedList HashSet BTreeSet IndexSet", list),
  ...named("HashMap BTreeMap IndexMap", ([, values]) => mapOf(values)),
  // `serde_json::Map<String, Value>`.
  ...named("Map", ([, values]) => mapOf(values)),
  ...named("Option", ([type]) => nullable(type ?? ANY)),
  ...named("Box Rc Arc Cow Cell RefCell Mutex RwLock", first),
  ...named("DateTime NaiveDateTime OffsetDateTime", constant({ kind: "string", format: "date-time" })),
  ...named("NaiveDate", constant({ kind: "string", format: "date" })),
  ...named("NaiveTime", constant({ kind: "string", format: "time" })),
  ...named("Uuid", constant({ kind: "string", format: "uuid" })),
  ...named("Decimal", constant(unionOf([{ kind: "number" }, { kind: "string" }]))),
]);

/** The type as `serde` reads it from JSON. */
function rustType(node: Node | null, outer: DeclaredTypes): ParameterType {
  const scope = deeper(outer);
  if (node === null || scope === undefined) return ANY;
  switch (node.type) {
    case "primitive_type":
    case "type_identifier":
    case "scoped_type_identifier":
      return namedType(node, [], scope);
    case "generic_type":
      return namedType(node.childForFieldName("type"), node.childForFieldName("type_arguments")?.namedChildren ?? [], scope);
    case "reference_type":
      return rustType(node.childForFieldName("type"), scope);
    case "array_type":
      return arrayOf(rustType(node.childForFieldName("element"), scope));
    case "tuple_type":
      return arrayOf(unionOf(node.namedChildren.map((part) => rustType(part, scope))));
    case "unit_type":
      return { kind: "null" };
    default:
      return ANY;
  }
}

function namedType(node: Node | null, argumentNodes: readonly Node[], scope: DeclaredTypes): ParameterType {
  if (node === null) return ANY;
  if (node.type === "type_identifier") {
    const declared = resolveDeclared(node.text, scope, (item, inner) => rustItemType(item, inner, rustType));
    if (declared !== undefined) return declared;
  }
  const known = KNOWN.get(lastName(node));
  if (known === undefined) return ANY;
  return known(argumentNodes.filter((argument) => argument.type !== "lifetime").map((argument) => rustType(argument, scope)));
}

/** `HashMap` of `std::collections::HashMap`. */
function lastName(node: Node | null): string {
  return (node?.type === "scoped_type_identifier" ? node.childForFieldName("name")?.text : node?.text) ?? "";
}
