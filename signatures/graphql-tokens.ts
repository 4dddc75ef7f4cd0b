import { decodeEscapes, type SimpleEscapes } from "./escapes.ts";
import type { JsonScalar } from "./model.ts";
import { type Finding, printable } from "./python-text.ts";

/** `at` is the offset in UTF-16 units. */
export type GraphqlToken =
  | { readonly kind: "name" | "variable" | "mark"; readonly text: string; readonly at: number }
  | { readonly kind: "value"; readonly value: JsonScalar; readonly text: string; readonly at: number };

const BLANK = /(?:[\s,\ufeff]|#[^\n\r]*)*/y;
const NAME = /[A-Za-z_]\w*/y;
const VARIABLE = /\$[A-Za-z_]\w*/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const MARK = /\.\.\.|[!()[\]{}:=@|&$]/y;
const BLOCK_STRING = /"""((?:[^"\\]|\\"""|\\|"(?!""))*)"""/y;
const STRING = /"((?:[^"\\\n\r]|\\[^\n\r])*)"/y;

const ESCAPES: SimpleEscapes = new Map(Object.entries({ n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" }));

/** The tokens of a GraphQL document up to the first character that fits nowhere. Commas are blanks. */
export function graphqlTokens(code: string): { readonly tokens: readonly GraphqlToken[]; readonly problem: Finding | undefined } {
  const tokens: GraphqlToken[] = [];
  let at = 0;
  for (;;) {
    at += match(BLANK, code, at)?.[0].length ?? 0;
    if (at >= code.length) return { tokens, problem: undefined };
    const token = tokenAt(code, at);
    if (token === undefined) {
      const message = code[at] === '"' ? "this string is never closed" : `unexpected ${printable(String.fromCodePoint(code.codePointAt(at) ?? 0))}`;
      return { tokens, problem: { offset: at, message } };
    }
    tokens.push(token);
    at += token.text.length;
  }
}

function match(pattern: RegExp, code: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(code) ?? undefined;
}

function tokenAt(code: string, at: number): GraphqlToken | undefined {
  const name = match(NAME, code, at)?.[0];
  if (name !== undefined) return { kind: "name", text: name, at };
  const variable = match(VARIABLE, code, at)?.[0];
  if (variable !== undefined) return { kind: "variable", text: variable, at };
  const number = match(NUMBER, code, at)?.[0];
  if (number !== undefined) return { kind: "value", value: Number.isFinite(Number(number)) ? Number(number) : null, text: number, at };
  const block = match(BLOCK_STRING, code, at);
  if (block !== undefined) return { kind: "value", value: (block[1] ?? "").replaceAll('\\"""', '"""').trim(), text: block[0], at };
  const string = code.startsWith('"""', at) ? undefined : match(STRING, code, at);
  if (string !== undefined) return { kind: "value", value: decodeEscapes(string[1] ?? "", ESCAPES) ?? "", text: string[0], at };
  const mark = match(MARK, code, at)?.[0];
  return mark === undefined ? undefined : { kind: "mark", text: mark, at };
}
