import type { ArrayExpression, Expression, ObjectExpression } from "acorn";
import type { Names } from "./names.ts";
import { charge, type Frame, isList, isPrimitive, isRawNumber, keyOf, listable, type Run, refuse, type Value, type ValueRecord } from "./values.ts";

type Compile = (node: Expression, names: Names) => Run;

export function compileList({ elements }: ArrayExpression, names: Names, compile: Compile): Run {
  const parts = elements.map((element) => {
    // A gap is not the same as `undefined`.
    if (element === null) return refuse();
    return element.type === "SpreadElement" ? { isSpread: true, run: compile(element.argument, names) } : { isSpread: false, run: compile(element, names) };
  });
  return (frame) => {
    const list: Value[] = [];
    for (const { isSpread, run } of parts) {
      const value = run(frame);
      if (isSpread) spreadInto(list, value, frame);
      else list.push(value);
    }
    frame.hasMade = true;
    return list;
  };
}

function spreadInto(list: Value[], value: Value, frame: Frame): void {
  if (!isList(value) && typeof value !== "string") refuse();
  for (const element of isList(value) || typeof value === "string" ? value : []) {
    charge(frame, 1);
    list.push(element);
  }
}

export function compileRecord({ properties }: ObjectExpression, names: Names, compile: Compile): Run {
  const parts = properties.map((property) => {
    if (property.type === "SpreadElement") return { key: undefined, run: compile(property.argument, names) };
    if (property.kind !== "init" || property.method) return refuse();
    return { key: compileKey(property.key, property.computed, names, compile), run: compile(property.value, names) };
  });
  return (frame) => {
    const record: Record<string, Value> = {};
    for (const { key, run } of parts) {
      if (key === undefined) copyInto(record, run(frame), frame);
      else record[keyOf(key(frame))] = run(frame);
    }
    frame.hasMade = true;
    return record;
  };
}

function compileKey(key: Expression, isComputed: boolean, names: Names, compile: Compile): Run {
  if (!isComputed && key.type === "Identifier") {
    const { name } = key;
    return () => name;
  }
  return compile(key, names);
}

function copyInto(record: Record<string, Value>, value: Value, frame: Frame): void {
  // QuickJS forgets the characters of a text that is spread into a record: both tiers must say the same.
  if (isRawNumber(value) || typeof value === "string") refuse();
  if (isPrimitive(value)) return;
  const listed = listable(value);
  const source: ValueRecord = isList(listed) ? Object.fromEntries(Object.entries(listed)) : listed;
  for (const key of Object.keys(source)) {
    charge(frame, 1);
    record[keyOf(key)] = source[key];
  }
}
