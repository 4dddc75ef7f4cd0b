/**
 * What a SQL script says about itself in the comment lines at its top. Shared by the reader of signatures and by the runtimes:
 *
 *   -- $1 name (int) = 3          PostgreSQL, for $1
 *   -- ? name (varchar) = 'x'     MySQL and MariaDB, for the question marks in their order
 *   -- :name (type) = default     MySQL, MariaDB and SQLite
 *   -- $name (type) = default     SQLite and DuckDB
 *   -- result_collection=last_statement_first_row
 */
import type { JsonValue, SyntaxProblem } from "./model.ts";

export const SQL_LANGUAGES = ["postgresql", "mysql", "sqlite", "duckdb"] as const;
export type SqlLanguage = (typeof SQL_LANGUAGES)[number];

export interface SqlParameter {
  readonly name: string;
  /** As it is written, in lower case and without the brackets, such as `varchar(20)` or `int[]`; empty when there is none. */
  readonly type: string;
  /** Absent: the argument must be given. */
  readonly default?: JsonValue;
  /** Of PostgreSQL the number after the dollar, of `?` its place among the question marks (both from 1); 0 for those bound by name. */
  readonly position: number;
}

/** Which of the rows become the result. */
export interface ResultCollection {
  readonly statements: "last" | "all";
  readonly rows: "all" | "first";
  /** Of each row the first column only, without its name. */
  readonly scalar: boolean;
}

export interface SqlHeaders {
  /** In the order of the lines; of PostgreSQL in that of the numbers. */
  readonly parameters: readonly SqlParameter[];
  readonly collection: ResultCollection;
  readonly problems: readonly SyntaxProblem[];
}

const MAX_PARAMETERS = 1_000;
const NAME = "([A-Za-z_][A-Za-z0-9_]*)";
// Types are words with brackets of their own, such as `numeric(10,2)` or `double precision[]`.
const REST = "(?:\\s+\\(\\s*([A-Za-z_][^()]*(?:\\([^()]*\\))?[^()]*?)\\s*\\))?(?:\\s*=\\s*(.*?))?\\s*$";
const NUMBERED = new RegExp(`^\\$([1-9][0-9]{0,3})\\s+${NAME}${REST}`);
const QUESTION = new RegExp(`^\\?\\s+${NAME}${REST}`);
const COLON = new RegExp(`^:${NAME}${REST}`);
const DOLLAR = new RegExp(`^\\$${NAME}${REST}`);
const COLLECTION = /^result_collection\s*=\s*(.*?)\s*$/;
const COLLECTION_VALUE = /^(last_statement|all_statements)_(all_rows|first_row)(_scalar)?$/;
/** A line that begins like a declaration, so that a slip is not taken for a comment. */
const MEANT: Readonly<Record<SqlLanguage, RegExp>> = {
  postgresql: /^\$[0-9]/,
  mysql: /^(?:\?\s|:[A-Za-z_]\w*\s*(?:\(|=|$))/,
  sqlite: /^[:$][A-Za-z_]\w*\s*(?:\(|=|$)/,
  duckdb: /^\$[A-Za-z_]\w*\s*(?:\(|=|$)/,
};

/** Reads the comment lines before the first statement. Never throws. */
export function readSqlHeaders(language: SqlLanguage, code: string): SqlHeaders {
  const parameters: SqlParameter[] = [];
  const problems: SyntaxProblem[] = [];
  let collection: ResultCollection = { statements: "last", rows: "all", scalar: false };
  let line = 0;
  for (const text of headLines(code)) {
    line += 1;
    const comment = /^\s*--\s*(.*?)\s*$/.exec(text)?.[1];
    if (comment === undefined) continue;
    const problem = (message: string): void => void problems.push({ message, line, column: 1, text: text.slice(0, 200) });
    const wanted = COLLECTION.exec(comment)?.[1];
    if (wanted !== undefined) {
      const read = readCollection(wanted);
      if (read === undefined) problem("result_collection is last_statement or all_statements, _all_rows or _first_row, perhaps with _scalar");
      else collection = read;
      continue;
    }
    const parameter = readParameter(language, comment, parameters);
    if (parameter === undefined) {
      if (MEANT[language].test(comment)) problem("this is not a declaration such as `name (type) = default`");
    } else if (parameters.some(({ name }) => name === parameter.name)) problem(`the parameter \`${parameter.name}\` is declared twice`);
    else if (parameters.length < MAX_PARAMETERS) parameters.push(parameter);
  }
  if (language === "postgresql") parameters.sort((a, b) => a.position - b.position);
  return { parameters, collection, problems: problems.slice(0, 20) };
}

/** The lines up to the first that is neither blank nor a comment. */
function* headLines(code: string): Generator<string> {
  for (let from = 0; from < code.length; ) {
    const end = code.indexOf("\n", from);
    const text = code.slice(from, end === -1 ? code.length : end).replace(/^\uFEFF/, "");
    if (!/^\s*(?:--.*)?$/.test(text)) return;
    yield text;
    from = end === -1 ? code.length : end + 1;
  }
}

function readCollection(value: string): ResultCollection | undefined {
  const match = COLLECTION_VALUE.exec(value);
  if (match === null) return undefined;
  return { statements: match[1] === "last_statement" ? "last" : "all", rows: match[2] === "all_rows" ? "all" : "first", scalar: match[3] !== undefined };
}

function readParameter(language: SqlLanguage, comment: string, before: readonly SqlParameter[]): SqlParameter | undefined {
  if (language === "postgresql") {
    const match = NUMBERED.exec(comment);
    return match === null ? undefined : parameterOf(match[2], match[3], match[4], Number(match[1]));
  }
  const question = language === "mysql" ? QUESTION.exec(comment) : null;
  if (question !== null) return parameterOf(question[1], question[2], question[3], before.filter(({ position }) => position > 0).length + 1);
  const colon = language === "duckdb" ? null : COLON.exec(comment);
  const match = colon ?? (language === "mysql" ? null : DOLLAR.exec(comment));
  return match === null ? undefined : parameterOf(match[1], match[2], match[3], 0);
}

function parameterOf(name: string | undefined, type: string | undefined, value: string | undefined, position: number): SqlParameter {
  const written = (type ?? "").toLowerCase().replace(/\s+/g, " ");
  const base = { name: name ?? "", type: written, position };
  return value === undefined || value === "" ? base : { ...base, default: defaultOf(value, written) };
}

const TEXT_TYPE = /^(?:text|varchar|char|character|bpchar|name|citext|string|uuid|date|time|timestamp|timestamptz|datetime)\b(?!.*\[\])/;

/** A JSON value, a SQL string in quotes, or text as it stands. */
function defaultOf(written: string, type: string): JsonValue {
  const quoted = /^'((?:[^']|'')*)'$/.exec(written)?.[1];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  if (/^null$/i.test(written)) return null;
  if (/^(?:true|false)$/i.test(written) && !TEXT_TYPE.test(type)) return written.toLowerCase() === "true";
  try {
    const value: JsonValue = JSON.parse(written);
    return typeof value === "string" || !TEXT_TYPE.test(type) ? value : written;
  } catch {
    return written;
  }
}
