import type { SqlLanguage } from "../../../signatures/sql-tokens.ts";
import { QueryError } from "./query-error.ts";

/** A parameter in a statement. */
export interface Placeholder {
  /** In the text of the statement. */
  readonly offset: number;
  /** `$1`, `?`, `?1`, `:name`, `$name` … */
  readonly text: string;
  /** Of a bare `?` its place among those of the whole script, from 1; else 0. */
  readonly mark: number;
}

export interface Statement {
  /** As it stands in the code, without the semicolon. */
  readonly text: string;
  /** Of the first character, from 1. */
  readonly line: number;
  readonly placeholders: readonly Placeholder[];
}

const MAX_STATEMENTS = 1_000;
const SPACE = /\s/;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER = /[0-9][A-Za-z0-9_.]*/y;
/** Those that begin with a colon come after something else than a colon: `a::text` is a cast. */
const PLACEHOLDERS: Readonly<Record<SqlLanguage, RegExp>> = {
  postgresql: /\$[0-9]+/y,
  mysql: /\?|(?<!:):[A-Za-z_][A-Za-z0-9_]*/y,
  sqlite: /\?[0-9]*|(?:(?<!:):|[@$])[A-Za-z_][A-Za-z0-9_]*/y,
  duckdb: /\?|\$(?:[0-9]+|[A-Za-z_][A-Za-z0-9_]*)/y,
};
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
/** Statements with others inside them, between BEGIN and END. */
const HOLDS_OTHERS: Readonly<Record<SqlLanguage, RegExp | undefined>> = {
  postgresql: /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)$/,
  mysql: /^CREATE (?:\S+ ){0,8}?(?:FUNCTION|PROCEDURE|TRIGGER|EVENT)$/,
  sqlite: /^CREATE (?:TEMP |TEMPORARY )?TRIGGER$/,
  duckdb: undefined,
};
const LONGEST_HEAD = 10;

/**
 * Splits a script at the semicolons between its statements, past strings, quoted names, dollar quotes, comments and the bodies of stored
 * programs. Each is sent alone, so that no argument can ever end one and begin another. Linear in the length of the code.
 * @throws QueryError when a string or comment has no end, or there are too many statements
 */
export function splitStatements(language: SqlLanguage, code: string): Statement[] {
  return new Splitter(language, code).run();
}

class Splitter {
  readonly #language: SqlLanguage;
  readonly #code: string;
  readonly #statements: Statement[] = [];
  #at = 0;
  #start = -1;
  #placeholders: Placeholder[] = [];
  /** Words of the statement so far, in capitals, at most `LONGEST_HEAD`. */
  #head: string[] = [];
  #holdsOthers = false;
  #depth = 0;
  #lastWord = "";
  #marks = 0;
  #line = 1;
  #lineAt = 0;

  constructor(language: SqlLanguage, code: string) {
    this.#language = language;
    this.#code = code.replace(/^\uFEFF/, " ");
  }

  run(): Statement[] {
    const code = this.#code;
    while (this.#at < code.length) {
      const char = code[this.#at] ?? "";
      if (SPACE.test(char)) this.#at += 1;
      else if (this.#skipComment(char)) continue;
      else if (char === ";" && this.#depth === 0) this.#end();
      else this.#step(char);
    }
    this.#end();
    return this.#statements;
  }

  #step(char: string): void {
    if (this.#start === -1) this.#start = this.#at;
    if (this.#skipQuoted(char) || this.#skipPlaceholder()) return;
    const word = this.#match(WORD);
    if (word !== "") {
      this.#word(word);
      return;
    }
    this.#lastWord = "";
    if (this.#match(NUMBER) === "") this.#at += 1;
  }

  #word(word: string): void {
    const upper = word.toUpperCase();
    // E'…' of PostgreSQL: a backslash escapes there.
    if (upper === "E" && (this.#language === "postgresql" || this.#language === "duckdb") && this.#code[this.#at] === "'") {
      this.#skipString("'", true);
      return;
    }
    if (this.#head.length < LONGEST_HEAD) {
      this.#head.push(upper);
      this.#holdsOthers ||= HOLDS_OTHERS[this.#language]?.test(this.#head.join(" ")) === true;
    }
    if (this.#holdsOthers) this.#nest(upper);
    this.#lastWord = upper;
  }

  /** Counts what an END ends. IF, LOOP, WHILE and REPEAT are not counted: their END names them. */
  #nest(word: string): void {
    const afterEnd = this.#lastWord === "END";
    if (word === "BEGIN" && this.#language !== "postgresql") this.#depth += 1;
    else if (word === "ATOMIC" && this.#lastWord === "BEGIN") this.#depth += 1;
    else if (word === "CASE" && !afterEnd && this.#depth > 0) this.#depth += 1;
    else if (word === "END" && this.#depth > 0) this.#depth -= 1;
    else if (afterEnd && ["IF", "LOOP", "WHILE", "REPEAT"].includes(word)) this.#depth += 1;
  }

  #end(): void {
    if (this.#start !== -1) {
      if (this.#statements.length === MAX_STATEMENTS) throw new QueryError("SyntaxError", `there are more than ${MAX_STATEMENTS} statements`);
      const text = this.#code.slice(this.#start, this.#at).trimEnd();
      this.#statements.push({ text, line: this.#lineOf(this.#start), placeholders: this.#placeholders });
    }
    this.#at += 1;
    this.#start = -1;
    this.#placeholders = [];
    this.#head = [];
    this.#holdsOthers = false;
    this.#depth = 0;
    this.#lastWord = "";
  }

  #skipComment(char: string): boolean {
    const code = this.#code;
    const two = code.slice(this.#at, this.#at + 2);
    const mysql = this.#language === "mysql";
    if ((two === "--" && (!mysql || /^--(?:\s|$)/.test(code.slice(this.#at, this.#at + 3)))) || (mysql && char === "#")) {
      const end = code.indexOf("\n", this.#at);
      this.#at = end === -1 ? code.length : end;
      return true;
    }
    // In MySQL `/*!` and `/*+` are no comments: the server reads them.
    if (two !== "/*") return false;
    if (mysql && /[!+]/.test(code[this.#at + 2] ?? "") && this.#start === -1) this.#start = this.#at;
    this.#skipBlock();
    return true;
  }

  #skipBlock(): void {
    const nests = this.#language === "postgresql" || this.#language === "duckdb";
    const from = this.#at;
    let depth = 1;
    for (this.#at += 2; depth > 0; ) {
      if (this.#at >= this.#code.length) throw this.#endless(from, "comment");
      if (this.#code.startsWith("*/", this.#at)) {
        depth -= 1;
        this.#at += 2;
      } else if (nests && this.#code.startsWith("/*", this.#at)) {
        depth += 1;
        this.#at += 2;
      } else this.#at += 1;
    }
  }

  #skipQuoted(char: string): boolean {
    const mysql = this.#language === "mysql";
    if (char === "'" || char === '"') this.#skipString(char, mysql);
    else if (char === "`" && (mysql || this.#language === "sqlite")) this.#skipString("`", false);
    else if (char === "[" && this.#language === "sqlite") this.#skipTo("]", 1, "quoted name");
    else if (char === "$" && (this.#language === "postgresql" || this.#language === "duckdb")) {
      const tag = this.#match(DOLLAR_TAG);
      if (tag === "") return false;
      this.#skipTo(tag, 0, "dollar-quoted string");
    } else return false;
    return true;
  }

  /** A doubled quote stands for one. */
  #skipString(quote: string, backslash: boolean): void {
    const from = this.#at;
    for (this.#at += 1; this.#at < this.#code.length; this.#at++) {
      const char = this.#code[this.#at];
      if (char === "\\" && backslash) this.#at += 1;
      else if (char === quote) {
        if (this.#code[this.#at + 1] !== quote) {
          this.#at += 1;
          return;
        }
        this.#at += 1;
      }
    }
    throw this.#endless(from, quote === "'" ? "string" : "quoted name");
  }

  #skipTo(end: string, skip: number, what: string): void {
    const found = this.#code.indexOf(end, this.#at + skip);
    if (found === -1) throw this.#endless(this.#at, what);
    this.#at = found + end.length;
  }

  #skipPlaceholder(): boolean {
    const offset = this.#at - this.#start;
    const text = this.#match(PLACEHOLDERS[this.#language]);
    if (text === "") return false;
    if (text === "?") this.#marks += 1;
    this.#placeholders.push({ offset, text, mark: text === "?" ? this.#marks : 0 });
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#code)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** Only ever asked for places further on. */
  #lineOf(offset: number): number {
    for (; this.#lineAt < offset; this.#lineAt++) if (this.#code[this.#lineAt] === "\n") this.#line += 1;
    return this.#line;
  }

  #endless(from: number, what: string): QueryError {
    return new QueryError("SyntaxError", `this ${what} has no end`, { line: this.#lineOf(from) });
  }
}
