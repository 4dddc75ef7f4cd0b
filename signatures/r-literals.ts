import type { JsonValue } from "./model.ts";
import { negated, numberOf } from "./number-literals.ts";
import { endOfArguments, splitArguments } from "./r-arguments.ts";
import type { RToken } from "./r-tokens.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

const CONSTANTS: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ["TRUE", true],
  ["T", true],
  ["FALSE", false],
  ["F", false],
  ["NULL", null],
  ["NA", null],
  ["NA_integer_", null],
  ["NA_real_", null],
  ["NA_character_", null],
]);

/** The JSON value of a literal: numbers, texts, logicals, `c(…)` and `list(…)` of such; undefined for what would have to be computed. */
export function rLiteral(tokens: readonly RToken[], budget: WorkBudget, depth = 0): JsonValue | undefined {
  const [first, second] = tokens;
  if (first === undefined || depth > MAX_TYPE_DEPTH || !budget.spend()) return undefined;
  if (first.kind === "mark" && (first.text === "-" || first.text === "+")) {
    const value = second?.kind === "number" && tokens.length === 2 ? numberOf(second.text.replace(/L$/, "")) : undefined;
    return value === undefined || first.text === "+" ? value : negated(value);
  }
  if (tokens.length === 1) return single(first);
  const isCall = first.kind === "name" && second?.kind === "mark" && second.text === "(";
  if (!isCall || (first.text !== "c" && first.text !== "list") || endOfArguments(tokens, 2) !== tokens.length - 1) return undefined;
  return callValue(first.text, splitArguments(tokens, 2), budget, depth);
}

function single(token: RToken): JsonValue | undefined {
  if (token.kind === "number") return numberOf(token.text.replace(/L$/, ""));
  if (token.kind === "string") return token.value;
  return token.kind === "name" ? CONSTANTS.get(token.text) : undefined;
}

/** A list when no part has a name, an object when all have. */
function callValue(callee: string, parts: readonly (readonly RToken[])[], budget: WorkBudget, depth: number): JsonValue | undefined {
  const entries: [string, JsonValue][] = [];
  const values: JsonValue[] = [];
  for (const part of parts) {
    const [name, equals] = part;
    const isNamed = equals?.kind === "mark" && equals.text === "=";
    const key = name?.kind === "name" ? name.text : name?.kind === "string" ? name.value : undefined;
    const value = rLiteral(isNamed ? part.slice(2) : part, budget, depth + 1);
    if (value === undefined || (isNamed && key === undefined)) return undefined;
    if (isNamed && key !== undefined) entries.push([key, value]);
    else values.push(value);
  }
  if (entries.length === 0) return values;
  return values.length === 0 && callee === "list" ? Object.fromEntries(entries) : undefined;
}
