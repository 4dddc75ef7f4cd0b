import type { Json } from "../../../../kernel/json.ts";
import { declaredAtTop } from "../declared-names.ts";
import type { Scope } from "../expressions.ts";
import type { ParsedExpression } from "../parse.ts";
import { compileStatements } from "./compile.ts";
import { namesOf } from "./names.ts";
import { settle } from "./settle.ts";
import { ExpressionError, type Frame, Missing, Refusal, type Run } from "./values.ts";

/** Longer ones are rare, and their tree would be kept in memory. */
const SOURCE_CHARS = 4_096;
/** Calls, elements, 64 characters each: about a millisecond. */
const STEPS = 20_000;

export type Interpretation =
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "error"; readonly name: string; readonly message: string; readonly offset: number }
  | { readonly kind: "missing"; readonly what: "variable" | "resource"; readonly path: string };

/** @returns undefined when the expression has something that only the sandbox does */
export function compileExpression(source: string, { body }: ParsedExpression): Run | undefined {
  if (source.length > SOURCE_CHARS) return undefined;
  try {
    return compileStatements(body, namesOf(declaredAtTop(body)));
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** @returns undefined when it met something that only the sandbox does, or would take long */
export function interpret(run: Run, scope: Scope): Interpretation | undefined {
  const frame: Frame = { scope, slots: [], stepsLeft: STEPS, hasMade: false };
  try {
    return { kind: "value", value: settle(run(frame), frame) };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    // Data nested so deeply that copying it overflows the stack, a text longer than this engine's longest.
    if (error instanceof RangeError) return undefined;
    if (error instanceof Missing) return { kind: "missing", what: error.kind, path: error.path };
    if (error instanceof ExpressionError) return { kind: "error", name: error.name, message: error.message, offset: error.offset };
    throw error;
  }
}
