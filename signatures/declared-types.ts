import type { Node } from "web-tree-sitter";
import { ANY, type ParameterType } from "./model.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

/** Where a type of Go, Rust, Java or PHP is read: what the file declares, and what keeps the reading finite. */
export interface DeclaredTypes {
  /** Declarations of types by name. */
  readonly types: ReadonlyMap<string, Node>;
  /** Values of constants by name. */
  readonly constants: ReadonlyMap<string, Node>;
  readonly budget: WorkBudget;
  /** Names that are being resolved, so that a type that contains itself ends. */
  readonly resolving: ReadonlySet<string>;
  readonly depth: number;
}

export function declaredTypes(types: ReadonlyMap<string, Node>, constants: ReadonlyMap<string, Node>, budget: WorkBudget): DeclaredTypes {
  return { types, constants, budget, resolving: new Set(), depth: 0 };
}

/** One level further into a type; undefined when the type is too deep or the budget is used up, and so "anything". */
export function deeper(scope: DeclaredTypes): DeclaredTypes | undefined {
  return scope.depth > MAX_TYPE_DEPTH || !scope.budget.spend() ? undefined : { ...scope, depth: scope.depth + 1 };
}

/** What a name of the file stands for; "anything" inside its own declaration, undefined when the file does not declare it. */
export function resolveDeclared(
  name: string,
  scope: DeclaredTypes,
  read: (declaration: Node, inner: DeclaredTypes) => ParameterType,
): ParameterType | undefined {
  const declaration = scope.types.get(name);
  if (declaration === undefined) return undefined;
  if (scope.resolving.has(name)) return ANY;
  return read(declaration, { ...scope, resolving: new Set(scope.resolving).add(name) });
}

/** An array type, and "anything" for items of which nothing is known. */
export function arrayOf(items: ParameterType | undefined): ParameterType {
  return { kind: "array", items: items ?? ANY };
}

/** An object with members of any name and one type. */
export function mapOf(values: ParameterType | undefined): ParameterType {
  return values === undefined || values.kind === "any" ? { kind: "object", properties: [] } : { kind: "object", properties: [], values };
}
