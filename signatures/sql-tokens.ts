import type { Finding } from "./python-text.ts";

export type SqlLanguage = "postgresql" | "mysql" | "sqlite" | "duckdb";

/** What a signature needs of a SQL text: its comments, its placeholders, and the type that PostgreSQL's `$1::int` says. */
type SqlToken =
  | { readonly kind: "comment"; readonly text: string }
  /** `$1`, `:name`, `$name`, `@name`, `?`; `cast` is the word behind `::`. `at` is its offset in UTF-16 units. */
  | { readonly kind: "placeholder"; readonly text: string; readonly cast: string | undefined; readonly at: number };

export interface SqlTokens {
  readonly tokens: readonly SqlToken[];
  readonly problem: Finding | undefined;
}

const PLACEHOLDERS: Readonly<Record<SqlLanguage, RegExp>> = {
  postgresql: /\$\d{1,5}/y,
  mysql: /\?|:[A-Za-z_]\w*/y,
  sqlite: /\?\d{0,5}|[:@$][A-Za-z_]\w*/y,
  duckdb: /\?|\$(?:\d{1,5}|[A-Za-z_]\w*)/y,
};
const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_]\w*)?\$/y;
const CAST = /\s*::\s*([A-Za-z_]\w*(?:\s*\[\s*\])?)/y;

/** Reads a SQL text with the quoting rules of its database. Statements themselves are not parsed: the database does that. */
export function sqlTokens(language: SqlLanguage, code: string): SqlTokens {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < code.length) {
    const step = readAt(language, code, at);
    if (step === undefined) return { tokens, problem: { offset: at, message: `${nameOf(code[at] ?? "")} is never closed` } };
    if (step.token !== undefined) tokens.push(step.token);
    at = step.end;
  }
  return { tokens, problem: undefined };
}

function nameOf(opening: string): string {
  return opening === "/" ? "this comment" : opening === "'" || opening === "$" ? "this string" : "this quoted name";
}

interface Step {
  readonly token?: SqlToken;
  readonly end: number;
}

/** What begins at an offset; undefined when it never ends. */
function readAt(language: SqlLanguage, code: string, at: number): Step | undefined {
  const character = code[at] ?? "";
  if (code.startsWith("--", at) || (language === "mysql" && character === "#")) return lineComment(code, at, character === "#" ? 1 : 2);
  if (code.startsWith("/*", at)) return blockComment(language, code, at);
  if (character === "'" || character === '"' || (character === "`" && language !== "postgresql")) return quoted(language, code, at, character);
  if (character === "[" && language === "sqlite") return end(code.indexOf("]", at), 1);
  if (language === "postgresql" || language === "duckdb") {
    const tag = match(DOLLAR_QUOTE, code, at);
    if (tag !== undefined) return end(code.indexOf(tag, at + tag.length), tag.length);
  }
  // `a::text` is a cast, not a placeholder.
  if (code.startsWith("::", at)) return { end: at + 2 };
  const word = match(WORD, code, at);
  if (word !== undefined)
    return /^e$/i.test(word) && code[at + 1] === "'" && language === "postgresql" ? quoted("mysql", code, at + 1, "'") : { end: at + word.length };
  const placeholder = match(PLACEHOLDERS[language], code, at);
  if (placeholder === undefined) return { end: at + 1 };
  CAST.lastIndex = at + placeholder.length;
  return { token: { kind: "placeholder", text: placeholder, cast: CAST.exec(code)?.[1], at }, end: at + placeholder.length };
}

function match(pattern: RegExp, code: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(code)?.[0];
}

function end(index: number, length: number): Step | undefined {
  return index === -1 ? undefined : { end: index + length };
}

function lineComment(code: string, at: number, mark: number): Step {
  const lineEnd = code.indexOf("\n", at);
  const stop = lineEnd === -1 ? code.length : lineEnd;
  return { token: { kind: "comment", text: code.slice(at + mark, stop).trim() }, end: stop };
}

/** Comments nest in PostgreSQL and DuckDB. */
function blockComment(language: SqlLanguage, code: string, at: number): Step | undefined {
  const nests = language === "postgresql" || language === "duckdb";
  let depth = 1;
  for (let index = at + 2; index < code.length; index++) {
    if (code.startsWith("*/", index)) {
      depth -= 1;
      index += 1;
      if (depth === 0) return { end: index + 1 };
    } else if (nests && code.startsWith("/*", index)) {
      depth += 1;
      index += 1;
    }
  }
  return undefined;
}

/** A doubled quote stands for itself; in MySQL (and in PostgreSQL behind `E`) a backslash escapes. */
function quoted(language: SqlLanguage, code: string, at: number, quote: string): Step | undefined {
  for (let index = at + 1; index < code.length; index++) {
    if (code[index] === "\\" && language === "mysql" && quote !== "`") index += 1;
    else if (code[index] === quote) {
      if (code[index + 1] !== quote) return { end: index + 1 };
      index += 1;
    }
  }
  return undefined;
}
