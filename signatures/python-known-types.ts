import { ANY, OPEN_OBJECT, type ParameterType } from "./model.ts";
import { nullable, unionOf } from "./parameter-types.ts";

type KnownType = (typeArguments: readonly ParameterType[]) => ParameterType;

const list: KnownType = ([items]) => ({ kind: "array", items: items ?? ANY });
const dictionary: KnownType = ([, values]) => (values === undefined || values.kind === "any" ? OPEN_OBJECT : { kind: "object", properties: [], values });
const first: KnownType = ([type]) => type ?? ANY;
const text: KnownType = () => ({ kind: "string" });
const bytes: KnownType = () => ({ kind: "bytes" });

function named(names: string, type: KnownType): [string, KnownType][] {
  return names.split(" ").map((name) => [name, type]);
}

/** Types of the language and its standard library, by the last part of their name: `datetime.datetime` is `datetime`. */
const KNOWN: ReadonlyMap<string, KnownType> = new Map([
  ...named("int Integral", () => ({ kind: "integer" })),
  ...named("float Number Real", () => ({ kind: "number" })),
  ...named("bool", () => ({ kind: "boolean" })),
  ...named("str Text AnyStr LiteralString Path PurePath PathLike", text),
  ...named("bytes bytearray memoryview ByteString", bytes),
  ...named("None NoneType", () => ({ kind: "null" })),
  ...named("datetime", () => ({ kind: "string", format: "date-time" })),
  ...named("date", () => ({ kind: "string", format: "date" })),
  ...named("time", () => ({ kind: "string", format: "time" })),
  ...named("UUID", () => ({ kind: "string", format: "uuid" })),
  ...named("Decimal Fraction", () => unionOf([{ kind: "number" }, { kind: "string" }])),
  ...named("list List Sequence MutableSequence Iterable Iterator Collection Generator Reversible", list),
  ...named("set Set frozenset FrozenSet AbstractSet MutableSet deque Deque", list),
  ...named("tuple Tuple", (typeArguments) => ({ kind: "array", items: typeArguments.length === 0 ? ANY : unionOf(typeArguments) })),
  ...named("dict Dict Mapping MutableMapping defaultdict DefaultDict OrderedDict", dictionary),
  ...named("Counter", () => ({ kind: "object", properties: [], values: { kind: "number" } })),
  ...named("Optional", ([type]) => nullable(type ?? ANY)),
  ...named("Union", (typeArguments) => unionOf(typeArguments)),
  ...named("Annotated Final ClassVar Required NotRequired ReadOnly Awaitable", first),
  ...named("Any object complex Callable Type type Hashable Protocol Self Never NoReturn timedelta Enum", () => ANY),
]);

/** What a well-known type name stands for; undefined for a name that is not one. */
export function applyKnownType(name: string, typeArguments: readonly ParameterType[]): ParameterType | undefined {
  return KNOWN.get(name)?.(typeArguments);
}
