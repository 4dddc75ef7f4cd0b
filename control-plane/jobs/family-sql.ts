/** One part of the hot statement; see statements.ts. */
export interface FamilySql {
  /** Types of the family's parameters, in order: one array each. */
  readonly types: readonly string[];
  /** Common table expressions; `$` is the parameter at a position, `lane` the number of the child tables. */
  readonly sql: (lane: number, $: (at: number) => string) => string;
  /** Expression that gives `family/id` of those that did not move; undefined when they always do. */
  readonly unmoved?: ($: (at: number) => string) => string;
}

/** The rows of a family's arrays. */
export const unnest = (types: readonly string[], $: (at: number) => string): string => `unnest(${types.map((type, at) => `${$(at)}::${type}[]`).join(", ")})`;
