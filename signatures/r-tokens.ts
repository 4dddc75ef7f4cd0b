import { decodeEscapes, R_ESCAPES } from "./escapes.ts";
import { type Finding, printable } from "./python-text.ts";

/** A token of R; `at` is its offset in UTF-16 units. */
export type RToken =
  | { readonly kind: "name"; readonly text: string; readonly at: number }
  | { readonly kind: "number"; readonly text: string; readonly at: number }
  /** `value` is undefined when an escape has no meaning. */
  | { readonly kind: "string"; readonly value: string | undefined; readonly at: number }
  /** Operators, brackets and commas. */
  | { readonly kind: "mark"; readonly text: string; readonly at: number }
  | { readonly kind: "line_end"; readonly at: number };

const NAME = /[\p{L}.][\p{L}\p{N}._]*/uy;
const NUMBER = /0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?[Li]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[Li]?/y;
const OPERATOR = /<<-|->>|<-|->|\|>|==|!=|<=|>=|&&|\|\||\*\*|:=|::?:?|%[^%\n]*%|[^\s]/uy;
const RAW_STRING = /[rR](["'])(-*)([([{])/y;
const RAW_CLOSERS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

const ESCAPE = /\\([\s\S])/g;
const KNOWN_ESCAPE = /[\n "'`\\0-7abfnrtuvxU]/;

/** The tokens of an R file, comments left out, and what is wrong with its strings and quoted names. */
export function rTokens(code: string): { readonly tokens: readonly RToken[]; readonly problem: Finding | undefined } {
  const tokens: RToken[] = [];
  let problem: Finding | undefined;
  let at = 0;
  while (at < code.length) {
    const character = code[at] ?? "";
    if (character === "\n") tokens.push({ kind: "line_end", at });
    if (/\s/.test(character)) {
      at += 1;
      continue;
    }
    if (character === "#") {
      const end = code.indexOf("\n", at);
      at = end === -1 ? code.length : end;
      continue;
    }
    const token = tokenAt(code, at);
    if (token === undefined) return { tokens, problem: problem ?? { offset: at, message: "this string is never closed" } };
    tokens.push(token.token);
    if (/["'`]/.test(character)) problem ??= unknownEscape(code, at, token.end);
    at = token.end;
  }
  return { tokens, problem };
}

/** Other languages take the letter itself; R refuses the file. */
function unknownEscape(code: string, from: number, end: number): Finding | undefined {
  for (const match of code.slice(from, end).matchAll(ESCAPE)) {
    const letter = match[1] ?? "";
    if (!KNOWN_ESCAPE.test(letter))
      return { offset: from + match.index, message: `${printable(`\\${letter}`)} means nothing in a string: a backslash is \`\\\\\`` };
  }
  return undefined;
}

interface Read {
  readonly token: RToken;
  readonly end: number;
}

/** Undefined for a string without an end. */
function tokenAt(code: string, at: number): Read | undefined {
  const character = code[at] ?? "";
  if (character === '"' || character === "'" || character === "`") return quoted(code, at, character);
  const raw = match(RAW_STRING, code, at);
  if (raw !== undefined) return rawString(code, at, raw);
  const number = match(NUMBER, code, at)?.[0];
  if (number !== undefined) return { token: { kind: "number", text: number, at }, end: at + number.length };
  const name = match(NAME, code, at)?.[0];
  if (name !== undefined) return { token: { kind: "name", text: name, at }, end: at + name.length };
  const operator = match(OPERATOR, code, at)?.[0] ?? character;
  return { token: { kind: "mark", text: operator, at }, end: at + operator.length };
}

function match(pattern: RegExp, code: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(code) ?? undefined;
}

function quoted(code: string, at: number, quote: string): Read | undefined {
  let end = at + 1;
  while (end < code.length && code[end] !== quote) end += code[end] === "\\" ? 2 : 1;
  if (end >= code.length) return undefined;
  const text = code.slice(at + 1, end);
  const token: RToken = quote === "`" ? { kind: "name", text, at } : { kind: "string", value: decodeEscapes(text, R_ESCAPES), at };
  return { token, end: end + 1 };
}

/** `r"--(text)--"` */
function rawString(code: string, at: number, start: RegExpExecArray): Read | undefined {
  const [opening, quote = "", dashes = "", bracket = ""] = start;
  const closing = `${RAW_CLOSERS[bracket] ?? ""}${dashes}${quote}`;
  const from = at + opening.length;
  const end = code.indexOf(closing, from);
  return end === -1 ? undefined : { token: { kind: "string", value: code.slice(from, end), at }, end: end + closing.length };
}
