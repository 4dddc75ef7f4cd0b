import { charge, type Frame, isList, isPrimitive, isRawNumber, primitive, refuse, type Value, type ValueList, weighed } from "./values.ts";

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
  ["Number", (args, frame) => (args.length === 0 ? 0 : Number(weighed(primitive(args[0]), frame)))],
  ["Object.entries", ([value], frame) => listOf(Object.entries(members(value)), frame)],
  ["Object.keys", ([value], frame) => listOf(Object.keys(members(value)), frame)],
  ["Object.values", ([value], frame) => listOf(Object.values(members(value)), frame)],
  ["String", (args, frame) => (args.length === 0 ? "" : String(weighed(primitive(args[0]), frame)))],
]);

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

function members(value: Value): object {
  return isPrimitive(value) || isRawNumber(value) ? refuse() : value;
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
  for (const member of Object.values(value)) {
    size += sizeOf(member, limit - size);
    if (size > limit) return size;
  }
  return size;
}
