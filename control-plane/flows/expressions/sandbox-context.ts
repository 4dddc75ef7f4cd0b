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
  if (typeof value !== "object" || value === null || isList(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const wanted = new Set<string>();
  for (const [first] of paths) {
    if (first === undefined) return value;
    if (Object.hasOwn(value, first)) wanted.add(first);
  }
  return Object.fromEntries([...wanted].map((name) => [name, value[name] ?? null]));
}

/** Characters that a value has as JSON at least; counting stops soon after `enough`. */
function charsOf(value: Json, enough: number): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object" || value === null) return 1;
  let chars = 2;
  // No list of entries is made: of a large value that alone would take long.
  if (isList(value)) {
    for (const element of value) {
      chars += 1 + charsOf(element, enough - chars);
      if (chars > enough) break;
    }
    return chars - 1;
  }
  for (const name in value) {
    chars += name.length + 4 + charsOf(value[name] ?? null, enough - chars);
    if (chars > enough) break;
  }
  return chars - 1;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
