import type { JsonValue } from "./model.ts";
import { negated, numberOf } from "./number-literals.ts";
import { endOfList, isMark, splitAtCommas } from "./perl-lists.ts";
import type { PerlToken } from "./perl-tokens.ts";
import { MAX_TYPE_DEPTH, type WorkBudget } from "./work-budget.ts";

/** The JSON value of a literal: numbers, texts, `undef`, `[…]` and `{…}` of such; undefined for what would have to be computed. */
export function perlLiteral(tokens: readonly PerlToken[], budget: WorkBudget, depth = 0): JsonValue | undefined {
  const [first, second] = tokens;
  if (first === undefined || depth > MAX_TYPE_DEPTH || !budget.spend()) return undefined;
  if (isMark(first, "-") && second?.kind === "number" && tokens.length === 2) {
    const value = numberOf(second.text);
    return value === undefined ? undefined : negated(value);
  }
  if (tokens.length === 1) return single(first);
  const isList = isMark(first, "[");
  if ((!isList && !isMark(first, "{")) || endOfList(tokens, 1) !== tokens.length - 1) return undefined;
  const inner = tokens.slice(1, -1);
  return isList ? listOf(inner, budget, depth) : hashOf(inner, budget, depth);
}

function single(token: PerlToken): JsonValue | undefined {
  if (token.kind === "number") return numberOf(token.text);
  if (token.kind === "string") return token.value;
  return token.kind === "word" && token.text === "undef" ? null : undefined;
}

function listOf(tokens: readonly PerlToken[], budget: WorkBudget, depth: number): JsonValue | undefined {
  const values: JsonValue[] = [];
  for (const part of splitAtCommas(tokens)) {
    const [only] = part;
    if (part.length === 1 && only?.kind === "words") {
      values.push(...only.values);
      continue;
    }
    const value = perlLiteral(part, budget, depth + 1);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function hashOf(tokens: readonly PerlToken[], budget: WorkBudget, depth: number): JsonValue | undefined {
  const entries: [string, JsonValue][] = [];
  for (const [key, arrow, ...value] of splitAtCommas(tokens)) {
    const name = key?.kind === "word" ? key.text : key?.kind === "string" ? key.value : undefined;
    const content = isMark(arrow, "=>") ? perlLiteral(value, budget, depth + 1) : undefined;
    if (name === undefined || content === undefined) return undefined;
    entries.push([name, content]);
  }
  return Object.fromEntries(entries);
}
