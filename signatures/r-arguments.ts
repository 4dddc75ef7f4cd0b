import type { RToken } from "./r-tokens.ts";

/** The opening bracket of each closing one. */
export const CLOSING: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

export function isMark(token: RToken | undefined, text: string): boolean {
  return token?.kind === "mark" && token.text === text;
}

/** The index of the bracket that closes the list whose first part stands at `from`; the number of tokens when there is none. */
export function endOfArguments(tokens: readonly RToken[], from: number): number {
  let depth = 0;
  for (let index = from; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.kind !== "mark") continue;
    if (/^[([{]$/.test(token.text)) depth += 1;
    if (CLOSING[token.text] !== undefined && --depth < 0) return index;
  }
  return tokens.length;
}

/** The parts between commas from an index up to the bracket that closes the list. */
export function splitArguments(tokens: readonly RToken[], from: number): readonly (readonly RToken[])[] {
  const parts: RToken[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(from, endOfArguments(tokens, from))) {
    if (token.kind === "mark" && /^[([{]$/.test(token.text)) depth += 1;
    if (token.kind === "mark" && CLOSING[token.text] !== undefined) depth -= 1;
    if (depth === 0 && isMark(token, ",")) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}
