/** A text in JSON that stands for something else: `$var:path` for a variable's value, `$res:path` for a resource's. The whole text, not a part of it. */
export interface Reference {
  readonly kind: "variable" | "resource";
  readonly path: string;
}

const FORMAT = /^\$(var|res):([uf]\/[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_.-]+)+)$/;
/** How deep values may be nested; deeper ones would end the stack. */
const MAX_NESTING = 500;

/** What a value refers to could not be told. */
export class TooDeep extends Error {}

/** True for JSON text that may hold a reference; false for nearly everything else, without parsing it. */
export function mayHoldReferences(json: string): boolean {
  return json.includes('"$var:') || json.includes('"$res:');
}

export function referenceOf(text: string): Reference | undefined {
  const match = text.startsWith("$") ? FORMAT.exec(text) : null;
  return match === null ? undefined : { kind: match[1] === "var" ? "variable" : "resource", path: match[2] ?? "" };
}

/** All references in a value, each once. Throws TooDeep. */
export function referencesIn(value: unknown): Reference[] {
  const found = new Map<string, Reference>();
  substitute(value, (reference) => {
    found.set(`${reference.kind}:${reference.path}`, reference);
    return null;
  });
  return [...found.values()];
}

/** The value with each reference replaced; what replaces one is not looked into. Throws TooDeep. */
export function substitute(value: unknown, replace: (reference: Reference) => unknown, depth = 0): unknown {
  if (depth > MAX_NESTING) throw new TooDeep();
  if (typeof value === "string") {
    const reference = referenceOf(value);
    return reference === undefined ? value : replace(reference);
  }
  if (Array.isArray(value)) return value.map((entry) => substitute(entry, replace, depth + 1));
  // Numbers that keep their digits (`JSON.rawJSON`) are frozen objects without a prototype: not for us to copy.
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  // By entries: a member may be called __proto__.
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, substitute(member, replace, depth + 1)]));
}
