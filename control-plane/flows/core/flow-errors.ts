import { INLINE_VALUE_BYTES, jsonRef, type Question, type ValueRef } from "./model.ts";
import type { Failure } from "./state.ts";

export const NULL_REF: ValueRef = { kind: "json", json: "null" };

/** Letters of JSON text, of which none has more than three bytes: the whole stays a value that may stand in an event. */
const MOST_TEXT = Math.floor((INLINE_VALUE_BYTES - 248) / 3);

/** A failure that no job brought. */
export function failureOf(name: string, message: string, stepId: string): Failure {
  return { value: jsonRef({ error: { name, message: cut(message), step_id: stepId } }), stepId };
}

export function evaluationFailure(question: Question | "inputs", message: string, stepId: string): Failure {
  return failureOf("ExpressionError", `${WORDS[question]}: ${message}`, stepId);
}

/** The result of a cancelled run. */
export function cancelledValue(by: string, reason: string): ValueRef {
  const short = cut(reason, Math.floor(MOST_TEXT / 3));
  return jsonRef({ error: { name: "Canceled", message: short, reason: short, canceler: cut(by, Math.floor(MOST_TEXT / 3)) } });
}

const WORDS: Record<Question | "inputs", string> = {
  flow_skip: "skip_expr of the flow",
  skip: "skip_if",
  branch: "expression of a branch",
  iterator: "iterator",
  parallelism: "parallelism",
  stop: "stop_after_if",
  stop_all: "stop_after_all_iters_if",
  sleep: "sleep",
  retry_if: "retry_if",
  inputs: "inputs",
};

function cut(text: string, most = MOST_TEXT): string {
  let kept = text;
  while (JSON.stringify(kept).length > most) kept = `${kept.slice(0, Math.floor(kept.length * 0.8))}…`;
  return kept;
}
