import type { ParsedExpression } from "./parse.ts";

const RETURN = "return ";

/** The expression as a function without parameters; its text begins on the second line. */
export function sandboxCode(source: string, { returns, isAsync }: ParsedExpression): string {
  return `(${isAsync ? "async " : ""}function () {\n${withReturns(source, returns)}\n})`;
}

function withReturns(source: string, returns: readonly number[]): string {
  let text = "";
  let from = 0;
  for (const at of sorted(returns)) {
    text += `${source.slice(from, at)}${RETURN}`;
    from = at;
  }
  return text + source.slice(from);
}

/** Where in the source the first line of a stack that belongs to the expression points to; undefined when none does. */
export function offsetOf(stack: string, source: string, { returns }: ParsedExpression): number | undefined {
  const place = /\bexpression:(\d+):(\d+)/.exec(stack);
  if (place === null) return undefined;
  const lines = withReturns(source, returns).split("\n");
  const index = Number(place[1]) - 2;
  const line = lines[index];
  if (line === undefined) return undefined;
  let offset = Math.min(Number(place[2]) - 1, line.length);
  for (const before of lines.slice(0, index)) offset += before.length + 1;
  let added = 0;
  for (const at of sorted(returns)) if (at + added < offset) added += RETURN.length;
  return memberAt(source, Math.max(0, offset - added));
}

/** The engine points to the dot; the name behind it says more. */
function memberAt(source: string, offset: number): number {
  const dot = /^\.\s*/.exec(source.slice(offset, offset + 100));
  return offset + (dot?.[0].length ?? 0);
}

function sorted(returns: readonly number[]): number[] {
  return [...returns].sort((a, b) => a - b);
}
