/** Part of a text and what stands there instead. */
export interface Change {
  readonly from: number;
  readonly to: number;
  readonly replacement: string;
}

interface Word {
  readonly text: string;
  readonly at: number;
  readonly depth: number;
}

/** What ends a condition at its own depth. */
const ENDS = /^(AND|OR|WHERE|ORDER|GROUP|HAVING|LIMIT|RETURNING|FOR|UNION|EXCEPT|ON|JOIN|LEFT|THEN|FROM|AS|DO|WINDOW|OFFSET|;|\)|,|`|")$/;
const STARTS = /\b(WHERE|AND|OR|HAVING)\b/;
const LOCK = /\bFOR (NO KEY )?(UPDATE|SHARE)( OF \w+)?( SKIP LOCKED| NOWAIT)?/g;

/**
 * Conditions of statements, each without effect, and locks left out. Parameters stay, since a statement that does not use one is refused.
 * @param text a literal with its quotes @param holes where a template has expressions: whatever stands there is one operand
 */
export function sqlChanges(text: string, holes: readonly (readonly [number, number])[]): Change[] {
  if (!/\b(SELECT|UPDATE|DELETE|INSERT|WHERE|AND)\b/.test(text)) return [];
  const masked = mask(text, holes);
  const words = wordsOf(masked);
  const changes: Change[] = [];
  for (const [index, word] of words.entries()) {
    if (!STARTS.test(word.text) || isOfBetween(words, index)) continue;
    const from = word.at + word.text.length;
    const to = endOf(words, index, text.length);
    const condition = text.slice(from, to);
    if (condition.trim() !== "") changes.push({ from, to, replacement: ` (${condition.trim()} ${word.text === "OR" ? "AND false" : "OR true"}) ` });
  }
  for (const { index, 0: lock } of masked.matchAll(LOCK)) changes.push({ from: index, to: index + lock.length, replacement: "" });
  return changes;
}

/** Expressions, quoted text and comments are no words of the statement. */
function mask(text: string, holes: readonly (readonly [number, number])[]): string {
  let masked = text;
  const hide = (from: number, to: number): void => {
    masked = masked.slice(0, from) + "x".repeat(to - from) + masked.slice(to);
  };
  for (const [from, to] of holes) hide(from, to);
  for (const { index, 0: quoted } of masked.matchAll(/'[^'\n]*'|--[^\n]*/g)) hide(index, index + quoted.length);
  return masked;
}

function wordsOf(masked: string): Word[] {
  const words: Word[] = [];
  let depth = 0;
  for (const { index, 0: text } of masked.matchAll(/[A-Za-z_0-9]+|[();,`"]/g)) {
    // A bracket stands at the depth that it ends.
    words.push({ text, at: index, depth });
    if (text === "(") depth += 1;
    if (text === ")") depth -= 1;
  }
  return words;
}

/** The AND of `BETWEEN a AND b`. */
function isOfBetween(words: readonly Word[], index: number): boolean {
  const word = words[index];
  if (word?.text !== "AND") return false;
  for (let at = index - 1; at >= 0; at--) {
    const before = words[at];
    if (before === undefined || before.depth < word.depth) return false;
    if (before.depth > word.depth) continue;
    if (before.text === "BETWEEN") return true;
    if (STARTS.test(before.text)) return false;
  }
  return false;
}

function endOf(words: readonly Word[], start: number, length: number): number {
  const depth = words[start]?.depth ?? 0;
  for (let at = start + 1; at < words.length; at++) {
    const word = words[at];
    if (word === undefined || word.depth > depth || isOfBetween(words, at)) continue;
    if (word.depth < depth || ENDS.test(word.text)) return word.at;
  }
  return length;
}
