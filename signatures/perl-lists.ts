import type { PerlToken } from "./perl-tokens.ts";

export function isMark(token: PerlToken | undefined, text: string): boolean {
  return token?.kind === "mark" && token.text === text;
}

const OPENERS = new Set(["(", "[", "{"]);
const CLOSERS = new Set([")", "]", "}"]);

/** The index of the bracket that closes the one before `from`. */
export function endOfList(tokens: readonly PerlToken[], from: number): number {
  let depth = 0;
  for (let index = from; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.kind !== "mark") continue;
    if (OPENERS.has(token.text)) depth += 1;
    if (CLOSERS.has(token.text) && --depth < 0) return index;
  }
  return tokens.length;
}

/** The parts of a list. */
export function splitAtCommas(tokens: readonly PerlToken[]): readonly (readonly PerlToken[])[] {
  const parts: PerlToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === "mark" && OPENERS.has(token.text)) depth += 1;
    if (token.kind === "mark" && CLOSERS.has(token.text)) depth -= 1;
    if (depth === 0 && isMark(token, ",")) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}
