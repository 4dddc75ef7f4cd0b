import type { Json } from "../../../kernel/json.ts";
import type { Scope } from "./expressions.ts";

export function scopeOf(values: Readonly<Record<string, Json>> = {}, more: Partial<Scope> = {}): Scope {
  return { values, variables: new Map(), resources: new Map(), ...more };
}

/** What V8 says of a source, as JSON or as the name of the error: the other opinion in tests. Only for sources that the tests wrote. */
export function opinionOfNode(source: string, { values }: Scope): string {
  const copy = structuredClone(values);
  try {
    const evaluate = new Function(...Object.keys(copy), `return (${source}\n)`);
    const value: unknown = evaluate(...Object.values(copy));
    return JSON.stringify(value ?? null);
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}
