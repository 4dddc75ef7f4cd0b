/** The names that an expression declares itself, while it is compiled. */
export interface Names {
  readonly slots: ReadonlyMap<string, number>;
  /** Declared further on: until then JavaScript knows them, but nobody may read them. */
  readonly pending: ReadonlySet<string>;
  /** Shared by all names of one expression. */
  readonly counter: { next: number };
}

export function namesOf(declared: readonly string[]): Names {
  return { slots: new Map(), pending: new Set(declared), counter: { next: 0 } };
}

/** A new place for a name, which hides an outer one of the same name. */
export function namesWith(names: Names, name: string): { readonly names: Names; readonly slot: number } {
  const slot = names.counter.next++;
  return { names: { ...names, slots: new Map([...names.slots, [name, slot]]) }, slot };
}

/** Whether the expression itself gives the name a meaning. */
export function isOwnName(names: Names, name: string): boolean {
  return names.slots.has(name) || names.pending.has(name);
}
