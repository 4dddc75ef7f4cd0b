export interface OpenBracket {
  readonly bracket: string;
  readonly offset: number;
}

const TOKEN = /[rRbBuUfFtT]{0,2}("""|'''|"|')|#[^\n]*|[()[\]{}]/g;
const CLOSES: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/**
 * The bracket that is still open at the end of the file, given those that are open at `from`: the innermost one, as
 * Python itself reports it. Undefined when all are closed, or when a closing bracket does not fit its opening one.
 */
export function unclosedBracket(code: string, from: number, open: readonly OpenBracket[]): OpenBracket | undefined {
  if (open.length === 0) return undefined;
  const stack = [...open];
  TOKEN.lastIndex = from;
  for (let match = TOKEN.exec(code); match !== null; match = TOKEN.exec(code)) {
    const token = match[0];
    const quote = match[1];
    if (quote !== undefined) TOKEN.lastIndex = endOfString(code, TOKEN.lastIndex, quote);
    else if (token === "(" || token === "[" || token === "{") stack.push({ bracket: token, offset: match.index });
    else if (CLOSES[token] !== undefined && stack.pop()?.bracket !== CLOSES[token]) return undefined;
  }
  return stack.at(-1);
}

/** The offset behind a string; one that lacks its end stops at the end of the line. */
function endOfString(code: string, from: number, quote: string): number {
  for (let at = from; at < code.length; at++) {
    if (code[at] === "\\") at += 1;
    else if (code.startsWith(quote, at)) return at + quote.length;
    else if (quote.length === 1 && code[at] === "\n") return at;
  }
  return code.length;
}
