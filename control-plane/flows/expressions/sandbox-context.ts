import type { Json } from "../../../kernel/json.ts";
import type { Scope } from "./expressions.ts";
import type { Reads } from "./reads.ts";

/**
 * What the sandbox gets to see, as JSON: of the scope only what the expression reads, since all of it is copied twice.
 * @returns undefined when it is longer than `mostChars`, or nested more deeply than can be written
 */
export function contextText(scope: Scope, reads: Reads, mostChars: number): string | undefined {
  const values: Record<string, Json> = {};
  for (const [name, value] of Object.entries(scope.values)) {
    const paths = reads.isDynamic ? [[]] : reads.paths.get(name);
    if (paths !== undefined) values[name] = membersOf(value, paths);
  }
  const { variables, resources } = scope;
  try {
    // Before it is written: that would hold up this process for as long as it is large.
    if (charsOf([values, ...variables.values(), ...resources.values()], mostChars) > mostChars) return undefined;
    const text = JSON.stringify({ values, variables: Object.fromEntries(variables), resources: Object.fromEntries(resources) });
    return text.length > mostChars ? undefined : text;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A record with only those members that are read; anything else as it is. */
function membersOf(value: Json, paths: readonly (readonly string[])[]): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const wanted = new Set<string>();
  for (const [first] of paths) {
    if (first === undefined) return value;
    wanted.add(first);
  }
  return Object.fromEntries(Object.entries(value).filter(([name]) => wanted.has(name)));
}

/** Characters that a value has as JSON at least; counting stops soon after `enough`. */
function charsOf(value: Json, enough: number): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object" || value === null) return 1;
  let chars = 2;
  for (const [name, member] of Object.entries(value)) {
    chars += (Array.isArray(value) ? 1 : name.length + 4) + charsOf(member, enough - chars);
    if (chars > enough) break;
  }
  return chars - 1;
}
