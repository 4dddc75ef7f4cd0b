import type { Pattern } from "acorn";
import { type Names, namesWith } from "./names.ts";
import { type Frame, isList, keyOf, memberOf, refuse, type Value } from "./values.ts";

/** Puts a value, or parts of it, into places. */
export type Bind = (frame: Frame, value: Value) => void;

/** A name, `{ a, b: c }` or `[a, b]`, without defaults, rests and patterns in patterns. */
export function compilePattern(pattern: Pattern, names: Names): { readonly bind: Bind; readonly names: Names } {
  if (pattern.type === "Identifier") {
    const { names: known, slot } = namesWith(names, pattern.name);
    const bind: Bind = (frame, value) => {
      frame.slots[slot] = value;
    };
    return { bind, names: known };
  }
  if (pattern.type === "ArrayPattern") return compileListPattern(pattern.elements, names);
  if (pattern.type !== "ObjectPattern") return refuse();
  const parts: { readonly key: string; readonly offset: number; readonly slot: number }[] = [];
  let known = names;
  for (const property of pattern.properties) {
    if (property.type === "RestElement" || property.computed || property.key.type !== "Identifier" || property.value.type !== "Identifier") return refuse();
    const next = namesWith(known, property.value.name);
    known = next.names;
    parts.push({ key: keyOf(property.key.name), offset: property.start, slot: next.slot });
  }
  const bind: Bind = (frame, value) => {
    // Its error does not name a member.
    if (value === null || value === undefined) refuse();
    for (const { key, offset, slot } of parts) frame.slots[slot] = memberOf(value, key, offset);
  };
  return { bind, names: known };
}

function compileListPattern(elements: readonly (Pattern | null)[], names: Names): { readonly bind: Bind; readonly names: Names } {
  const slots: number[] = [];
  let known = names;
  for (const element of elements) {
    if (element?.type !== "Identifier") return refuse();
    const next = namesWith(known, element.name);
    known = next.names;
    slots.push(next.slot);
  }
  const bind: Bind = (frame, value) => {
    if (!isList(value)) return refuse();
    for (const [at, slot] of slots.entries()) frame.slots[slot] = value[at];
  };
  return { bind, names: known };
}
