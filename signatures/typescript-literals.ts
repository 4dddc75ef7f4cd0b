import type { Expression, ObjectPropertyKind, PropertyKey } from "oxc-parser";
import type { JsonValue } from "./model.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

/** Top-level `const` values of the file, by name. */
export type Constants = ReadonlyMap<string, Expression>;

/**
 * The JSON value that a literal expression denotes: literals, arrays and objects of literals, and names of top-level
 * constants that hold such. Undefined for anything that would have to be computed.
 */
export function literalOf(expression: Expression, constants: Constants, budget: WorkBudget, depth = 0): JsonValue | undefined {
  if (depth > MAX_TYPE_DEPTH || !budget.spend()) return undefined;
  const inner = unwrap(expression);
  switch (inner.type) {
    case "Literal":
      return scalarOf(inner.value);
    case "TemplateLiteral":
      return inner.expressions.length === 0 ? (inner.quasis[0]?.value.cooked ?? undefined) : undefined;
    case "UnaryExpression": {
      const value = literalOf(inner.argument, constants, budget, depth + 1);
      if (typeof value !== "number") return undefined;
      if (inner.operator === "-") return -value;
      return inner.operator === "+" ? value : undefined;
    }
    case "Identifier": {
      const constant = constants.get(inner.name);
      return constant === undefined ? undefined : literalOf(constant, constants, budget, depth + 1);
    }
    case "ArrayExpression":
      return arrayOf(inner.elements, constants, budget, depth);
    case "ObjectExpression":
      return objectOf(inner.properties, constants, budget, depth);
    default:
      return undefined;
  }
}

/** Takes parentheses, `as`, `satisfies`, `!` and `<T>` off an expression. */
export function unwrap(expression: Expression): Expression {
  let inner = expression;
  for (;;) {
    switch (inner.type) {
      case "ParenthesizedExpression":
      case "TSAsExpression":
      case "TSSatisfiesExpression":
      case "TSNonNullExpression":
      case "TSTypeAssertion":
        inner = inner.expression;
        break;
      default:
        return inner;
    }
  }
}

/** The name that a property key spells, or undefined for a computed one. */
export function keyName(key: PropertyKey, computed: boolean): string | undefined {
  if (key.type === "Identifier") return computed ? undefined : key.name;
  if (key.type !== "Literal") return undefined;
  return typeof key.value === "string" || typeof key.value === "number" ? String(key.value) : undefined;
}

function scalarOf(value: unknown): JsonValue | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "bigint") return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

type Elements = Extract<Expression, { type: "ArrayExpression" }>["elements"];

function arrayOf(elements: Elements, constants: Constants, budget: WorkBudget, depth: number): JsonValue | undefined {
  const values: JsonValue[] = [];
  for (const element of elements) {
    if (element === null || element.type === "SpreadElement") return undefined;
    const value = literalOf(element, constants, budget, depth + 1);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function objectOf(properties: readonly ObjectPropertyKind[], constants: Constants, budget: WorkBudget, depth: number): JsonValue | undefined {
  const entries: [string, JsonValue][] = [];
  for (const property of properties) {
    if (property.type !== "Property" || property.kind !== "init" || property.method) return undefined;
    const name = keyName(property.key, property.computed);
    const value = name === undefined ? undefined : literalOf(property.value, constants, budget, depth + 1);
    if (name === undefined || value === undefined) return undefined;
    entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}
