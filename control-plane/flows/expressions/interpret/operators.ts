import type { BinaryOperator, UnaryOperator } from "acorn";
import { isPrimitive, isRawNumber, primitive, refuse, type Value } from "./values.ts";

/** Operators on primitive values, where this process's own do exactly what the language says. Anything that would call code is refused. */
export function binaryOperator(operator: BinaryOperator): (left: Value, right: Value) => Value {
  return BINARY[operator] ?? refuse();
}

export function unaryOperator(operator: UnaryOperator): (value: Value) => Value {
  return UNARY[operator] ?? refuse();
}

const numeric =
  (operate: (left: number, right: number) => number) =>
  (left: Value, right: Value): Value =>
    operate(Number(primitive(left)), Number(primitive(right)));

const BINARY: Partial<Record<BinaryOperator, (left: Value, right: Value) => Value>> = {
  "===": (left, right) => isSame(left, right),
  "!==": (left, right) => !isSame(left, right),
  "==": (left, right) => isLike(left, right),
  "!=": (left, right) => !isLike(left, right),
  "<": (left, right) => isOrdered(left, right, (a, b) => a < b),
  "<=": (left, right) => isOrdered(left, right, (a, b) => a <= b),
  ">": (left, right) => isOrdered(left, right, (a, b) => a > b),
  ">=": (left, right) => isOrdered(left, right, (a, b) => a >= b),
  "+": plus,
  "-": numeric((left, right) => left - right),
  "*": numeric((left, right) => left * right),
  "/": numeric((left, right) => left / right),
  "%": numeric((left, right) => left % right),
  "&": numeric((left, right) => left & right),
  "|": numeric((left, right) => left | right),
  "^": numeric((left, right) => left ^ right),
  "<<": numeric((left, right) => left << right),
  ">>": numeric((left, right) => left >> right),
  ">>>": numeric((left, right) => left >>> right),
  // Not `**`: the two engines round powers differently.
};

const UNARY: Partial<Record<UnaryOperator, (value: Value) => Value>> = {
  "!": (value) => !value,
  "-": (value) => -Number(primitive(value)),
  "+": (value) => Number(primitive(value)),
  "~": (value) => ~Number(primitive(value)),
  typeof: (value) => (isRawNumber(value) ? refuse() : typeof value),
  void: () => undefined,
};

function plus(left: Value, right: Value): Value {
  const a = primitive(left);
  const b = primitive(right);
  return typeof a === "string" || typeof b === "string" ? `${a}${b}` : Number(a) + Number(b);
}

/** Whether two lists or records are the same one is not known here: a value may be shared that the sandbox has twice. */
function isSame(left: Value, right: Value): boolean {
  if (isPrimitive(left) && isPrimitive(right)) return left === right;
  return (!isPrimitive(left) && !isPrimitive(right)) || isRawNumber(left) || isRawNumber(right) ? refuse() : false;
}

function isLike(left: Value, right: Value): boolean {
  const isLeftNone = left === null || left === undefined;
  const isRightNone = right === null || right === undefined;
  if (isLeftNone || isRightNone) return isLeftNone && isRightNone;
  const a = primitive(left);
  const b = primitive(right);
  return typeof a === "string" && typeof b === "string" ? a === b : Number(a) === Number(b);
}

function isOrdered(left: Value, right: Value, compare: (left: number | string, right: number | string) => boolean): boolean {
  const a = primitive(left);
  const b = primitive(right);
  return typeof a === "string" && typeof b === "string" ? compare(a, b) : compare(Number(a), Number(b));
}
