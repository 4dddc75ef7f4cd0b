import {
  charge,
  type Frame,
  isList,
  isPrimitive,
  isRawNumber,
  listable,
  type Primitive,
  primitive,
  refuse,
  type Value,
  type ValueList,
  weighed,
} from "./values.ts";

type GlobalFunction = (args: ValueList, frame: Frame) => Value;

/** Functions of the language that can be given exactly, by the name that they are called by. */
export const GLOBAL_FUNCTIONS: ReadonlyMap<string, GlobalFunction> = new Map<string, GlobalFunction>([
  ["Array.isArray", ([value]) => isList(value)],
  ["Boolean", ([value]) => Boolean(value)],
  ["JSON.stringify", ([value, ...more], frame) => (more.length > 0 ? refuse() : written(value, frame))],
  ["Math.abs", ([value]) => Math.abs(number(value))],
  ["Math.ceil", ([value]) => Math.ceil(number(value))],
  ["Math.floor", ([value]) => Math.floor(number(value))],
  ["Math.max", (args) => Math.max(...args.map(number))],
  ["Math.min", (args) => Math.min(...args.map(number))],
  ["Math.round", ([value]) => Math.round(number(value))],
  ["Math.trunc", ([value]) => Math.trunc(number(value))],
  ["encodeURIComponent", ([value], frame) => encoded(weighed(primitive(value), frame))],
  ["parseFloat", ([value], frame) => Number.parseFloat(String(weighed(primitive(value), frame)))],
  ["parseInt", ([value, radix], frame) => Number.parseInt(String(weighed(primitive(value), frame)), radix === undefined ? undefined : number(radix))],
  ["Number", (args, frame) => (args.length === 0 ? 0 : Number(weighed(primitive(args[0]), frame)))],
  ["Object.entries", ([value], frame) => listOf(Object.entries(members(value)), frame)],
  ["Object.keys", ([value], frame) => listOf(Object.keys(members(value)), frame)],
  ["Object.values", ([value], frame) => listOf(Object.values(members(value)), frame)],
  ["String", (args, frame) => (args.length === 0 ? "" : String(weighed(primitive(args[0]), frame)))],
]);

/** Those that may be given to `map` and `filter`: they look at one argument only. */
export const CALLED_WITH_ONE: ReadonlyMap<string, GlobalFunction> = new Map(
  [...GLOBAL_FUNCTIONS].filter(([name]) => name === "Boolean" || name === "Number" || name === "String"),
);

/** A number's own methods. */
export function callNumberMethod(value: number, name: string, args: ValueList): Value {
  if (name === "toFixed" && args.length <= 1) {
    const digits = args[0] === undefined ? 0 : number(args[0]);
    return digits >= 0 && digits <= 20 ? value.toFixed(digits) : refuse();
  }
  return name === "toString" && args.length === 0 ? String(value) : refuse();
}

function number(value: Value): number {
  return typeof value === "number" ? value : refuse();
}

function encoded(value: Primitive): Value {
  const text = String(value);
  // Half of a pair has no code: an error that the sandbox words.
  return text.isWellFormed() ? encodeURIComponent(text) : refuse();
}

function members(value: Value): object {
  return isPrimitive(value) || isRawNumber(value) ? refuse() : listable(value);
}

function listOf(list: ValueList, frame: Frame): ValueList {
  charge(frame, list.length);
  frame.hasMade = true;
  return list;
}

function written(value: Value, frame: Frame): Value {
  charge(frame, sizeOf(value, frame.stepsLeft));
  const text: string | undefined = JSON.stringify(value);
  return text;
}

/** About as many steps as writing it takes, at most one more than `limit`. */
function sizeOf(value: Value, limit: number): number {
  if (typeof value === "string") return 1 + (value.length >> 6);
  if (isPrimitive(value)) return 1;
  let size = 1;
  for (const member of isList(value) ? value : Object.values(listable(value))) {
    size += sizeOf(member, limit - size);
    if (size > limit) return size;
  }
  return size;
}
