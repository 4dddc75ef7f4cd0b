import { type Finding, printable } from "./python-text.ts";
import { CLOSING, isMark } from "./r-arguments.ts";
import type { RToken } from "./r-tokens.ts";

/** R itself gives up at fifty brackets. Code that is nested deeper than this is not judged. */
const MAX_DEPTH = 200;
/** Words that are no names, unless they are quoted. */
const RESERVED = new Set(
  "if else repeat while function for next break TRUE FALSE NULL Inf NaN NA NA_integer_ NA_real_ NA_character_ NA_complex_ in".split(" "),
);
const CONSTANTS = /^(?:next|break|TRUE|FALSE|NULL|Inf|NaN|NA(?:_\w+_)?)$/;

const ASSIGNMENT = 2;
const COMPARISON = 9;
/** How tightly binary operators bind; those of the table of R that are of one level are of one here. */
const BINARY: ReadonlyMap<string, number> = new Map([
  ["?", 1],
  ["=", ASSIGNMENT],
  ...["<-", "<<-", ":="].map((mark) => [mark, 3] as const),
  ...["->", "->>"].map((mark) => [mark, 4] as const),
  ["~", 5],
  ...["|", "||"].map((mark) => [mark, 6] as const),
  ...["&", "&&"].map((mark) => [mark, 7] as const),
  ...["<", ">", "<=", ">=", "==", "!="].map((mark) => [mark, COMPARISON] as const),
  ...["+", "-"].map((mark) => [mark, 10] as const),
  ...["*", "/"].map((mark) => [mark, 11] as const),
  ["|>", 12],
  [":", 13],
  ...["^", "**"].map((mark) => [mark, 15] as const),
]);
const SPECIAL = 12;
const FROM_THE_RIGHT = new Set(["=", "<-", "<<-", ":=", "^", "**"]);
const UNARY: ReadonlyMap<string, number> = new Map([
  ["?", 1],
  ["~", 5],
  ["!", 8],
  ["+", 14],
  ["-", 14],
]);

interface Bracket {
  readonly text: string;
  readonly at: number;
}

/**
 * Holds tokens of R against the language's grammar (`gram.y`), as far as that says what is a script and what is not: no tree is made. Ends at the first token
 * that cannot stand where it does, as R does. Every method says whether it got through; none reads on after a failure.
 */
export class RGrammar {
  readonly #code: string;
  readonly #tokens: readonly RToken[];
  #at = 0;
  #depth = 0;
  /** Open ones, the innermost last. */
  readonly #open: Bracket[] = [];
  #finding: Finding | undefined;

  constructor(code: string, tokens: readonly RToken[]) {
    this.#code = code;
    this.#tokens = tokens;
  }

  /** @returns the first place that R would refuse; undefined when there is none, and for code that is nested too deeply to say */
  check(): Finding | undefined {
    this.#statements("");
    return this.#finding;
  }

  /** Until the closing bracket, which is left, or the end. */
  #statements(closing: string): boolean {
    for (;;) {
      while (this.#peekRaw()?.kind === "line_end" || isMark(this.#peekRaw(), ";")) this.#at += 1;
      const next = this.#peekRaw();
      if (next === undefined) return closing === "" || this.#fail();
      if (closing !== "" && isMark(next, closing)) return true;
      if (!this.#expression(1, true)) return false;
      const after = this.#peekRaw();
      const isOver = after === undefined || after.kind === "line_end" || isMark(after, ";") || (closing !== "" && isMark(after, closing));
      if (!isOver) return this.#fail();
    }
  }

  /** @param assigns whether `=` may assign here: not among arguments and in conditions */
  #expression(least: number, assigns: boolean): boolean {
    this.#depth += 1;
    const isDone = this.#depth <= MAX_DEPTH && this.#operand() && this.#operators(least, assigns);
    this.#depth -= 1;
    return isDone;
  }

  #operators(least: number, assigns: boolean): boolean {
    let compared = false;
    for (;;) {
      const mark = this.#peek();
      const level = mark?.kind === "mark" ? (BINARY.get(mark.text) ?? (mark.text.startsWith("%") && mark.text.length > 1 ? SPECIAL : 0)) : 0;
      if (mark?.kind !== "mark" || level < Math.max(least, 1) || (mark.text === "=" && !assigns)) return true;
      // `a < b < c` means nothing.
      if (level === COMPARISON && compared) return this.#fail();
      compared = level === COMPARISON;
      this.#take();
      this.#skipLines();
      if (!this.#expression(FROM_THE_RIGHT.has(mark.text) ? level : level + 1, assigns)) return false;
    }
  }

  #operand(): boolean {
    const token = this.#peek();
    const unary = token?.kind === "mark" ? UNARY.get(token.text) : undefined;
    if (unary !== undefined) {
      this.#take();
      this.#skipLines();
      return this.#expression(unary, token?.kind === "mark" && token.text === "?");
    }
    return this.#primary(token) && this.#suffixes();
  }

  #primary(token: RToken | undefined): boolean {
    if (token?.kind === "number" || token?.kind === "string") return this.#take();
    if (token?.kind === "mark") {
      if (token.text === "(") return this.#enclosed("(", () => this.#expression(1, true));
      if (token.text === "{") return this.#enclosed("{", () => this.#statements("}"));
      if (token.text === "\\") return this.#take() && this.#function();
      // What stands for the left side of a pipe.
      return token.text === "_" ? this.#take() : this.#fail();
    }
    if (token?.kind !== "name") return this.#fail();
    if (!this.#isReserved(token) || CONSTANTS.test(token.text)) return this.#take();
    return this.#construct(token.text);
  }

  #construct(word: string): boolean {
    if (word === "else" || word === "in") return this.#fail();
    this.#take();
    this.#skipLines();
    if (word === "function") return this.#function();
    if (word === "repeat") return this.#body();
    if (word === "while") return this.#enclosed("(", () => this.#expression(1, false)) && this.#body();
    if (word === "for") return this.#enclosed("(", () => this.#name() && this.#word("in") && this.#expression(1, false)) && this.#body();
    return this.#enclosed("(", () => this.#expression(1, false)) && this.#body() && this.#alternative();
  }

  /** What belongs to a loop, a condition or a function. */
  #body(): boolean {
    this.#skipLines();
    return this.#expression(ASSIGNMENT, true);
  }

  /** In front of `else` a line may end, but not outside of all brackets: there a statement ends with it. */
  #alternative(): boolean {
    let index = this.#at;
    if (this.#open.length > 0) while (this.#tokens[index]?.kind === "line_end") index += 1;
    if (!this.#isWord(this.#tokens[index], "else")) return true;
    this.#at = index + 1;
    return this.#body();
  }

  #function(): boolean {
    this.#skipLines();
    return this.#enclosed("(", () => this.#parameters()) && this.#body();
  }

  #parameters(): boolean {
    if (isMark(this.#peek(), ")")) return true;
    do {
      if (!this.#name()) return false;
      if (isMark(this.#peek(), "=") && !(this.#take() && this.#expression(1, false))) return false;
    } while (isMark(this.#peek(), ",") && this.#take());
    return true;
  }

  /** Calls, indices and members. */
  #suffixes(): boolean {
    for (let isFirst = true; ; isFirst = false) {
      const mark = this.#peek();
      if (mark?.kind !== "mark") return true;
      let isDone: boolean;
      if (mark.text === "(") isDone = this.#enclosed("(", () => this.#arguments(")"));
      else if (mark.text === "[") isDone = this.#index(mark);
      else if (mark.text === "$" || mark.text === "@") isDone = this.#member();
      else if (mark.text === "::" || mark.text === ":::") isDone = isFirst ? this.#inPackage() : this.#fail();
      else return true;
      if (!isDone) return false;
    }
  }

  /** `x[…]`, and `x[[…]]` where the brackets stand together. */
  #index(mark: { readonly at: number }): boolean {
    const second = this.#tokens[this.#at + 1];
    const isDouble = isMark(second, "[") && second?.at === mark.at + 1;
    if (!isDouble) return this.#enclosed("[", () => this.#arguments("]"));
    return this.#enclosed("[", () => this.#enclosed("[", () => this.#arguments("]")));
  }

  #member(): boolean {
    this.#take();
    this.#skipLines();
    return this.#peek()?.kind === "string" ? this.#take() : this.#name();
  }

  /** `package::name`; a package is a name and nothing else. */
  #inPackage(): boolean {
    const before = this.#tokens[this.#at - 1];
    if (before?.kind !== "string" && (before?.kind !== "name" || this.#isReserved(before))) return this.#fail();
    this.#take();
    return this.#peekRaw()?.kind === "string" ? this.#take() : this.#name();
  }

  #arguments(closing: string): boolean {
    for (;;) {
      while (isMark(this.#peek(), ",")) this.#take();
      if (isMark(this.#peek(), closing)) return true;
      if (!this.#argument(closing)) return false;
      if (!isMark(this.#peek(), ",") && !isMark(this.#peek(), closing)) return this.#fail();
    }
  }

  #argument(closing: string): boolean {
    const name = this.#peek();
    const isName = name?.kind === "string" || (name?.kind === "name" && (!this.#isReserved(name) || name.text === "NULL"));
    let index = this.#at + 1;
    while (this.#tokens[index]?.kind === "line_end") index += 1;
    if (isName && isMark(this.#tokens[index], "=")) {
      this.#at = index + 1;
      if (isMark(this.#peek(), ",") || isMark(this.#peek(), closing)) return true;
    }
    return this.#expression(1, false);
  }

  #enclosed(opening: string, inside: () => boolean): boolean {
    const token = this.#peek();
    if (token === undefined || !isMark(token, opening)) return this.#fail();
    this.#take();
    this.#open.push({ text: opening, at: token.at });
    if (!inside()) return false;
    const last = this.#peek();
    if (last?.kind !== "mark" || CLOSING[last.text] !== opening) return this.#fail();
    this.#open.pop();
    return this.#take();
  }

  #name(): boolean {
    const token = this.#peek();
    return token?.kind === "name" && !this.#isReserved(token) ? this.#take() : this.#fail();
  }

  #word(text: string): boolean {
    return this.#isWord(this.#peek(), text) ? this.#take() : this.#fail();
  }

  #isWord(token: RToken | undefined, text: string): boolean {
    return token?.kind === "name" && token.text === text && this.#code[token.at] !== "`";
  }

  #isReserved(token: RToken): boolean {
    return token.kind === "name" && RESERVED.has(token.text) && this.#code[token.at] !== "`";
  }

  #peekRaw(): RToken | undefined {
    return this.#tokens[this.#at];
  }

  /** Between round and square brackets the end of a line means nothing. */
  #peek(): RToken | undefined {
    const innermost = this.#open.at(-1)?.text ?? "{";
    if (innermost !== "{") this.#skipLines();
    return this.#peekRaw();
  }

  #skipLines(): void {
    while (this.#peekRaw()?.kind === "line_end") this.#at += 1;
  }

  #take(): true {
    this.#at += 1;
    return true;
  }

  #fail(): false {
    const token = this.#peekRaw();
    this.#finding ??= token === undefined ? this.#atTheEnd() : { offset: token.at, message: `unexpected ${wordsFor(token)}` };
    return false;
  }

  #atTheEnd(): Finding {
    const open = this.#open.at(-1);
    return open === undefined
      ? { offset: this.#code.length, message: "unexpected end of file" }
      : { offset: open.at, message: `'${open.text}' is never closed` };
  }
}

function wordsFor(token: RToken): string {
  if (token.kind === "line_end") return "end of line";
  return token.kind === "string" ? "string" : printable([...token.text].slice(0, 40).join(""));
}
