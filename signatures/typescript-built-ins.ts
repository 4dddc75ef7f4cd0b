import { ANY, OPEN_OBJECT, type ParameterType } from "./model.ts";

type BuiltIn = (typeArguments: readonly ParameterType[]) => ParameterType;

const text: BuiltIn = () => ({ kind: "string" });
const bytes: BuiltIn = () => ({ kind: "bytes" });
const list: BuiltIn = ([items]) => ({ kind: "array", items: items ?? ANY });
const dictionary: BuiltIn = ([key, values]) => recordOf(key ?? ANY, values ?? ANY);
const same: BuiltIn = ([type]) => type ?? ANY;
const anything: BuiltIn = () => ANY;

/** Named types that every file knows: those of the language, and the string types by which Windmill scripts ask for a kind of form field. */
const BUILT_INS: ReadonlyMap<string, BuiltIn> = new Map<string, BuiltIn>([
  ["String", text],
  ["URL", text],
  ["Sql", text],
  ["Email", () => ({ kind: "string", format: "email" })],
  ["Date", () => ({ kind: "string", format: "date-time" })],
  ["Number", () => ({ kind: "number" })],
  ["BigInt", () => ({ kind: "integer" })],
  ["Boolean", () => ({ kind: "boolean" })],
  ["Object", () => OPEN_OBJECT],
  ["Array", list],
  ["ReadonlyArray", list],
  ["Set", list],
  ["ReadonlySet", list],
  ["Iterable", list],
  ["Record", dictionary],
  ["Map", dictionary],
  ["ReadonlyMap", dictionary],
  ["Base64", bytes],
  ["Buffer", bytes],
  ["Uint8Array", bytes],
  ["ArrayBuffer", bytes],
  ["Blob", bytes],
  ["File", bytes],
  ["Readonly", same],
  ["Awaited", same],
  ["Promise", same],
  ["NonNullable", ([type]) => withoutNull(type ?? ANY)],
  ["Partial", ([type]) => mapRequired(type ?? ANY, false)],
  ["Required", ([type]) => mapRequired(type ?? ANY, true)],
  ["Pick", ([type, keys]) => selectMembers(type ?? ANY, keys ?? ANY, true)],
  ["Omit", ([type, keys]) => selectMembers(type ?? ANY, keys ?? ANY, false)],
  ...["Function", "RegExp", "Error", "Symbol", "Exclude", "Extract", "ReturnType", "Parameters", "Awaitable", "JSON"].map((name): [string, BuiltIn] => [
    name,
    anything,
  ]),
]);

/** What a well-known generic or plain type name stands for; undefined for a name that is not one. */
export function applyBuiltIn(name: string, typeArguments: readonly ParameterType[]): ParameterType | undefined {
  return BUILT_INS.get(name)?.(typeArguments);
}

/** `Record<"a" | "b", T>` has known members, `Record<string, T>` has not. */
function recordOf(key: ParameterType, values: ParameterType): ParameterType {
  if (key.kind !== "enum") return { kind: "object", properties: [], ...(values.kind === "any" ? {} : { values }) };
  return { kind: "object", properties: key.values.map((name) => ({ name: String(name), type: values, required: true })) };
}

function withoutNull(type: ParameterType): ParameterType {
  if (type.kind !== "union") return type;
  const options = type.options.filter((option) => option.kind !== "null");
  const [first] = options;
  return options.length === 1 && first !== undefined ? first : { kind: "union", options };
}

function mapRequired(type: ParameterType, required: boolean): ParameterType {
  return type.kind === "object" ? { ...type, properties: type.properties.map((property) => ({ ...property, required })) } : type;
}

function selectMembers(type: ParameterType, keys: ParameterType, keep: boolean): ParameterType {
  if (type.kind !== "object") return type;
  if (keys.kind !== "enum") return OPEN_OBJECT;
  const names = new Set(keys.values.map(String));
  return { ...type, properties: type.properties.filter((property) => names.has(property.name) === keep) };
}
