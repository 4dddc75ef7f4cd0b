import type { TSIndexedAccessType, TSType } from "oxc-parser";
import { ANY, type JsonScalar, type JsonValue, type ParameterType } from "./model.ts";
import { unionOf } from "./parameter-types.ts";
import { literalOf } from "./typescript-literals.ts";
import type { TypeScope } from "./typescript-scope.ts";

/**
 * `(typeof LEVELS)[number]` and `(typeof COLOURS)[keyof typeof COLOURS]`: the usual ways to make a union out of a
 * constant list or table of the same file. Any other indexed type is "anything".
 */
export function indexedLiterals(node: TSIndexedAccessType, scope: TypeScope): ParameterType {
  const constant = queriedConstant(node.objectType, scope);
  if (constant === undefined || constant === null || typeof constant !== "object") return ANY;
  const isList = Array.isArray(constant);
  if (isList !== (node.indexType.type === "TSNumberKeyword")) return ANY;
  if (!isList && node.indexType.type !== "TSTypeOperator") return ANY;
  const values = Object.values(constant).filter(isScalar);
  return values.length === Object.keys(constant).length ? unionOf([{ kind: "enum", values }]) : ANY;
}

/** `keyof typeof COLOURS`: the names of a constant table of the same file. Any other `keyof` is "anything". */
export function keyLiterals(node: TSType, scope: TypeScope): ParameterType {
  const constant = queriedConstant(node, scope);
  if (constant === undefined || constant === null || typeof constant !== "object" || Array.isArray(constant)) return ANY;
  return unionOf([{ kind: "enum", values: Object.keys(constant) }]);
}

function queriedConstant(node: TSType, scope: TypeScope): JsonValue | undefined {
  let inner = node;
  while (inner.type === "TSParenthesizedType") inner = inner.typeAnnotation;
  if (inner.type !== "TSTypeQuery" || inner.exprName.type !== "Identifier") return undefined;
  const constant = scope.declarations.constants.get(inner.exprName.name);
  return constant === undefined ? undefined : literalOf(constant, scope.declarations.constants, scope.budget);
}

function isScalar(value: JsonValue): value is JsonScalar {
  return value === null || typeof value !== "object";
}
