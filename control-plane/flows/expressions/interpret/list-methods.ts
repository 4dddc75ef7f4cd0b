import { charge, type Frame, isList, isPrimitive, isRawNumber, type Primitive, primitive, refuse, type Value, type ValueList, weighed } from "./values.ts";

/** An arrow that was given to a method. */
export type Callback = (frame: Frame, ...args: readonly Value[]) => Value;

interface ListMethod {
  /** One argument more is refused: what it means differs from method to method. */
  readonly mostArgs: number;
  readonly call: (list: ValueList, args: ValueList, frame: Frame) => Value;
}
type CallbackMethod = (list: ValueList, call: (element: Value, index: number) => Value) => Value;

/** Methods that leave the list as it is; those that change it are for the sandbox. */
const LIST_METHODS: ReadonlyMap<string, ListMethod> = new Map<string, ListMethod>([
  ["at", { mostArgs: 1, call: (list, [index]) => list.at(number(index)) }],
  ["concat", { mostArgs: 100, call: (list, args) => list.concat(...args) }],
  ["flat", { mostArgs: 1, call: (list, [depth], frame) => flatten(list, depth === undefined ? 1 : number(depth), frame) }],
  ["includes", { mostArgs: 1, call: (list, [search], frame) => comparable(list, search, frame).includes(primitive(search)) }],
  ["indexOf", { mostArgs: 1, call: (list, [search], frame) => comparable(list, search, frame).indexOf(primitive(search)) }],
  ["join", { mostArgs: 1, call: (list, [separator]) => joined(list.map(shown), separator === undefined ? "," : string(separator)) }],
  ["lastIndexOf", { mostArgs: 1, call: (list, [search], frame) => comparable(list, search, frame).lastIndexOf(primitive(search)) }],
  ["slice", { mostArgs: 2, call: (list, [start, end]) => list.slice(optionalNumber(start), optionalNumber(end)) }],
]);

const CALLBACK_METHODS: ReadonlyMap<string, CallbackMethod> = new Map<string, CallbackMethod>([
  ["every", (list, call) => list.every(call)],
  ["filter", (list, call) => list.filter(call)],
  ["find", (list, call) => list.find(call)],
  ["findIndex", (list, call) => list.findIndex(call)],
  ["findLast", (list, call) => list.findLast(call)],
  ["flatMap", (list, call) => list.flatMap((element, index): readonly Value[] | Value => call(element, index))],
  ["map", (list, call) => list.map(call)],
  ["some", (list, call) => list.some(call)],
]);

export function callListMethod(list: ValueList, name: string, args: ValueList, frame: Frame): Value {
  const method = LIST_METHODS.get(name) ?? refuse();
  if (args.length > method.mostArgs) refuse();
  charge(frame, 1 + list.length);
  for (const arg of args) if (isList(arg)) charge(frame, arg.length);
  const value = method.call(list, args, frame);
  if (isList(value)) {
    charge(frame, value.length);
    frame.hasMade = true;
  } else if (typeof value === "string") charge(frame, value.length >> 6);
  return value;
}

/** @param cost of one call */
export function callWithCallback(list: ValueList, name: string, callback: Callback, cost: number, rest: ValueList, frame: Frame): Value {
  if (name === "reduce" && rest.length === 1) {
    return list.reduce<Value>((sum, element, index) => {
      charge(frame, cost);
      return callback(frame, sum, element, index, list);
    }, rest[0]);
  }
  const method = CALLBACK_METHODS.get(name) ?? refuse();
  if (rest.length > 0) refuse();
  const value = method(list, (element, index) => {
    charge(frame, cost);
    const answer = callback(frame, element, index, list);
    // `flatMap` copies it.
    if (isList(answer)) charge(frame, answer.length);
    return answer;
  });
  if (isList(value)) frame.hasMade = true;
  return value;
}

function number(value: Value): number {
  return typeof value === "number" ? value : refuse();
}

function optionalNumber(value: Value): number | undefined {
  return value === undefined ? undefined : number(value);
}

function string(value: Value): string {
  return typeof value === "string" ? value : refuse();
}

/** Two texts of the same length are compared to their ends, and the same long one may stand in a list any number of times. */
function comparable(list: ValueList, search: Value, frame: Frame): ValueList {
  if (typeof search === "string") for (const element of list) if (typeof element === "string" && element.length === search.length) weighed(element, frame);
  return list.some(isRawNumber) ? refuse() : list;
}

/** An element as `join` writes it. */
function shown(element: Value): Primitive {
  return isPrimitive(element) ? element : refuse();
}

/** Longest text that is put together here: one text may stand in a list any number of times. */
const JOINED_CHARS = 1_000_000;

function joined(elements: readonly Primitive[], separator: string): string {
  let chars = separator.length * elements.length;
  for (const element of elements) if (typeof element === "string") chars += element.length;
  return chars <= JOINED_CHARS ? elements.join(separator) : refuse();
}

/** One list may stand in another any number of times, on every level: what comes of it is counted as it grows. */
function flatten(list: ValueList, depth: number, frame: Frame): ValueList {
  if (!(depth >= 0 && depth <= 10)) return refuse();
  charge(frame, list.length);
  return depth < 1 ? list.slice() : list.flatMap((element) => (isList(element) ? flatten(element, depth - 1, frame) : [element]));
}
