import type { ParameterType } from "./model.ts";
import type { Declarations } from "./typescript-declarations.ts";
import type { WorkBudget } from "./work-budget.ts";

/** Where a type is read: the names in scope, the aliases that are being resolved (so that cycles end) and the depth. */
export interface TypeScope {
  readonly declarations: Declarations;
  readonly budget: WorkBudget;
  /** Arguments of the generic type around. */
  readonly parameters: ReadonlyMap<string, ParameterType>;
  readonly resolving: ReadonlySet<string>;
  readonly depth: number;
}

/** The scope of the file's top level. */
export function fileScope(declarations: Declarations, budget: WorkBudget): TypeScope {
  return { declarations, budget, parameters: new Map(), resolving: new Set(), depth: 0 };
}
