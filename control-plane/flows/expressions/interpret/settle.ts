import type { Json } from "../../../../kernel/json.ts";
import { charge, type Frame, isList, isPrimitive, isRawNumber, listable, refuse, type Value } from "./values.ts";

/**
 * A value as `JSON.parse(JSON.stringify(value))` would give it, with nothing for `undefined`: null. Data that is only passed on stays the
 * same object; everything that was made here is copied, and its size counts.
 */
export function settle(value: Value, frame: Frame): Json {
  return !frame.hasMade && isFromScope(value) ? value : copyOf(value, frame);
}

/** As long as nothing was made, what is not primitive comes from the scope, and that is JSON. */
function isFromScope(value: Value): value is Exclude<Json, number> {
  return !isPrimitive(value);
}

function copyOf(value: Value, frame: Frame): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (typeof value === "boolean") return value;
  if (typeof value === "string") {
    charge(frame, value.length >> 6);
    return value;
  }
  if (isList(value)) {
    charge(frame, 1 + value.length);
    return value.map((element) => copyOf(element, frame));
  }
  if (isRawNumber(value)) return value;
  const copy: Record<string, Json> = {};
  for (const [key, member] of Object.entries(listable(value))) {
    charge(frame, 1);
    // Assigning it would set the prototype.
    if (key === "__proto__") return refuse();
    if (member !== undefined) copy[key] = copyOf(member, frame);
  }
  return copy;
}
