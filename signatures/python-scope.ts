import type { Node } from "web-tree-sitter";
import type { GrammarParser } from "./grammar-parser.ts";
import type { Declarations } from "./python-declarations.ts";
import type { WorkBudget } from "./work-budget.ts";

/** Where a type is read: the names in scope, the names that are being resolved (so that cycles end) and the depth. */
export interface TypeScope {
  readonly declarations: Declarations;
  readonly budget: WorkBudget;
  readonly resolving: ReadonlySet<string>;
  readonly depth: number;
  /** Parses an annotation that was written as a string; undefined when it is not an expression. */
  parseAnnotation<T>(text: string, use: (expression: Node) => T): T | undefined;
}

/** The scope of the file's top level. */
export function fileScope(parser: GrammarParser, declarations: Declarations, budget: WorkBudget): TypeScope {
  return {
    declarations,
    budget,
    resolving: new Set(),
    depth: 0,
    parseAnnotation: (text, use) =>
      parser.withTree(text, ({ rootNode }) => {
        const expression = rootNode.hasError ? null : (rootNode.firstNamedChild?.firstNamedChild ?? null);
        return expression === null ? undefined : use(expression);
      }),
  };
}
