import type { Json } from "../../../../kernel/json.ts";
import type { Scope } from "../expressions.ts";

/** What the interpreter computes with. Nothing here is ever changed once it is made. */
export type Value = undefined | null | boolean | number | string | ValueList | ValueRecord;
export type ValueList = readonly Value[];
export interface ValueRecord {
  readonly [name: string]: Value;
}

/** One part of an expression, ready to run. */
export type Run = (frame: Frame) => Value;

/** One evaluation. */
export interface Frame {
  readonly scope: Scope;
  /** Of `const` and of the parameters of arrows: each has a place of its own, since no arrow can call itself. */
  readonly slots: Value[];
  /** Steps that are left. Only what repeats is counted: calls of arrows, elements, characters. */
  stepsLeft: number;
  /** Some list or record was made: the result must be looked at before it leaves. */
  hasMade: boolean;
}

/** The interpreter does not do this, or not exactly as JavaScript: the sandbox has to. One object for all: no stack is of use. */
export class Refusal extends Error {}
const REFUSAL = new Refusal("not in the common subset");

export function refuse(): never {
  throw REFUSAL;
}

/** What JavaScript would throw. */
export class ExpressionError extends Error {
  readonly offset: number;

  constructor(name: string, message: string, offset: number) {
    super(message);
    this.name = name;
    this.offset = offset;
  }
}

/** `variable(path)` or `resource(path)` of something that the scope lacks. */
export class Missing extends Error {
  readonly kind: "variable" | "resource";
  readonly path: string;

  constructor(kind: "variable" | "resource", path: string) {
    super(`the ${kind} ${path} is missing`);
    this.kind = kind;
    this.path = path;
  }
}

export function charge(frame: Frame, steps: number): void {
  frame.stepsLeft -= steps;
  if (frame.stepsLeft < 0) refuse();
}

/** More members of one value are never listed here. */
const MOST_MEMBERS = 20_000;
/** Records that have more: to list them takes long even once, and a loop would do it for each of its items. */
const TOO_MANY = new WeakSet<object>();

/** The value, unless its members are too many to be listed. */
export function listable<T extends ValueList | ValueRecord>(value: T): T {
  if (TOO_MANY.has(value)) return refuse();
  const count = isList(value) ? value.length : Object.keys(value).length;
  if (count <= MOST_MEMBERS) return value;
  TOO_MANY.add(value);
  return refuse();
}

/** Comparing, adding and converting a text takes as long as it is. */
export function weighed<T extends Value>(value: T, frame: Frame): T {
  if (typeof value === "string") charge(frame, value.length >> 6);
  return value;
}

export function isList(value: Value): value is ValueList {
  return Array.isArray(value);
}

/** Numbers, texts, booleans, null and undefined: on them the operators of this process do what JavaScript says. */
export type Primitive = undefined | null | boolean | number | string;

export function isPrimitive(value: Value): value is Primitive {
  return typeof value !== "object" || value === null;
}

export function primitive(value: Value): Primitive {
  return isPrimitive(value) ? value : refuse();
}

/**
 * An integer beyond what a number holds, kept as its digits (`JSON.rawJSON`). It may be passed on; whatever looks at it is refused, since
 * it would have to be a number there.
 */
export function isRawNumber(value: Value): value is { readonly [name: string]: Json } {
  return !isPrimitive(value) && !isList(value) && Object.getPrototypeOf(value) !== Object.prototype;
}

/** Refused by name, even as members of the data: nothing may lead to a prototype. */
const UNREACHABLE = new Set(["__proto__", "constructor", "prototype"]);

/** A key as JavaScript makes it of a value. */
export function keyOf(value: Value): string {
  const key = String(primitive(value));
  return UNREACHABLE.has(key) ? refuse() : key;
}

/** A member that the data itself has; what a prototype would answer is refused. @param offset of the access, for the error */
export function memberOf(object: Value, key: string, offset: number): Value {
  if (object === undefined || object === null) throw new ExpressionError("TypeError", `cannot read property '${key}' of ${object}`, offset);
  if (typeof object === "string") {
    if (key === "length") return object.length;
    if (Object.hasOwn(Object(object), key)) return object[Number(key)];
    return key in String.prototype ? refuse() : undefined;
  }
  if (typeof object === "number") return key in Number.prototype ? refuse() : undefined;
  if (typeof object === "boolean") return key in Boolean.prototype ? refuse() : undefined;
  if (isList(object)) {
    if (key === "length") return object.length;
    if (Object.hasOwn(object, key)) return object[Number(key)];
    return key in Array.prototype ? refuse() : undefined;
  }
  if (isRawNumber(object)) return refuse();
  if (Object.hasOwn(object, key)) return object[key];
  return key in Object.prototype ? refuse() : undefined;
}
