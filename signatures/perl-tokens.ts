import { decodeEscapes, PERL_ESCAPES } from "./escapes.ts";

/** A token of Perl, as far as the head of a subroutine needs it. */
export type PerlToken =
  | { readonly kind: "word"; readonly text: string }
  /** With its sigil: `$name`, `@_`, `%opts`. */
  | { readonly kind: "variable"; readonly text: string }
  | { readonly kind: "number"; readonly text: string }
  /** `value` is undefined when it is interpolated, or a pattern. */
  | { readonly kind: "string"; readonly value: string | undefined }
  /** `qw(…)` */
  | { readonly kind: "words"; readonly values: readonly string[] }
  | { readonly kind: "mark"; readonly text: string };

const WORD = /[A-Za-z_]\w*(?:(?:::|')[A-Za-z_]\w*)*(?:::)?/y;
const VARIABLE = /(?:\$#?|@|%)(?:\{\^?\w+\}|\^?\w+(?:::\w+)*|::\w+(?:::\w+)*)|@_|\$[^\s\w({]/y;
const NUMBER = /0[xXbB][0-9a-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?/y;
const MARK = /<=>|\*\*=|\|\|=|&&=|\/\/=|\.\.\.|=>|->|==|!=|<=|>=|=~|!~|&&|\|\||\/\/|\+\+|--|\*\*|\.\.|[-+*.|&^%]=|[^\s]/uy;
const HEREDOC = /<<(~?)(?:"([^"\n]*)"|'([^'\n]*)'|([A-Za-z_]\w*))/y;
const QUOTE_LIKE: ReadonlyMap<string, number> = new Map([
  ["q", 1],
  ["qq", 1],
  ["qw", 1],
  ["qr", 1],
  ["qx", 1],
  ["m", 1],
  ["s", 2],
  ["tr", 2],
  ["y", 2],
]);
const CLOSERS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "<": ">" };
/** After these words comes a value, and so a `/` begins a pattern. */
const VALUE_FOLLOWS = new Set(
  "and or not if unless while until return split grep map join push x lt gt le ge eq ne cmp my our local state print say die warn".split(" "),
);

/** Reads Perl up to `__END__`. Patterns are told from divisions by the token before them, as Perl's own lexer does. Ends at a literal that never does. */
export function perlTokens(code: string, from = 0): readonly PerlToken[] {
  const lexer = new PerlLexer(code, from);
  while (lexer.next());
  return lexer.tokens;
}

class PerlLexer {
  readonly tokens: PerlToken[] = [];
  readonly #code: string;
  #at: number;
  /** Ends of here-documents that begin on the next line. */
  readonly #pending: { readonly word: string; readonly indented: boolean }[] = [];

  constructor(code: string, from: number) {
    this.#code = code;
    this.#at = from;
  }

  /** Reads one token or blank; false at the end. */
  next(): boolean {
    const code = this.#code;
    const character = code[this.#at];
    if (character === undefined) return false;
    if (this.#atLineStart() && character === "=" && /[a-z]/i.test(code[this.#at + 1] ?? "")) return this.#skipPod();
    if (character === "\n") return this.#lineEnd();
    if (/\s/.test(character)) this.#at += 1;
    else if (character === "#") this.#at = this.#lineEndFrom(this.#at);
    else return this.#token(character);
    return true;
  }

  #atLineStart(): boolean {
    return this.#at === 0 || this.#code[this.#at - 1] === "\n";
  }

  #lineEndFrom(from: number): number {
    const end = this.#code.indexOf("\n", from);
    return end === -1 ? this.#code.length : end;
  }

  /** Documentation runs from `=word` to `=cut`, both at the start of a line. */
  #skipPod(): boolean {
    const cut = this.#code.startsWith("=cut", this.#at) ? this.#at : this.#code.indexOf("\n=cut", this.#at);
    this.#at = cut === -1 ? this.#code.length : this.#lineEndFrom(cut + 1);
    return true;
  }

  #lineEnd(): boolean {
    this.#at += 1;
    for (const { word, indented } of this.#pending.splice(0)) {
      for (;;) {
        if (this.#at >= this.#code.length) return true;
        const end = this.#lineEndFrom(this.#at);
        const line = this.#code.slice(this.#at, end).replace(/\r$/, "");
        this.#at = end + 1;
        if ((indented ? line.trimStart() : line) === word) break;
      }
    }
    return true;
  }

  #token(character: string): boolean {
    if (character === "'" || character === '"' || character === "`") return this.#string(this.#at, character);
    const heredoc = this.#match(HEREDOC);
    if (heredoc !== undefined && (!this.#valueBefore() || this.tokens.at(-1)?.kind === "word")) return this.#heredoc(heredoc);
    if (character === "/" && !this.#valueBefore()) return this.#string(this.#at, "/", false);
    const variable = /[$@%]/.test(character) && !(character === "%" && this.#valueBefore()) ? this.#match(VARIABLE)?.[0] : undefined;
    if (variable !== undefined) return this.#push({ kind: "variable", text: variable.replace(/^([$@%])\{(\w+)\}$/, "$1$2") }, variable.length);
    const number = this.#match(NUMBER)?.[0];
    if (number !== undefined) return this.#push({ kind: "number", text: number }, number.length);
    const word = this.#match(WORD)?.[0];
    if (word !== undefined) return this.#word(word);
    const mark = this.#match(MARK)?.[0] ?? character;
    return this.#push({ kind: "mark", text: mark }, mark.length);
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#code) ?? undefined;
  }

  #push(token: PerlToken, length: number): boolean {
    this.tokens.push(token);
    this.#at += length;
    return true;
  }

  /** Whether the token before is a value, so that an operator comes next. */
  #valueBefore(): boolean {
    const last = this.tokens.at(-1);
    if (last === undefined) return false;
    if (last.kind === "mark") return last.text === ")" || last.text === "]" || last.text === "}";
    return last.kind !== "word" || !VALUE_FOLLOWS.has(last.text);
  }

  #heredoc([whole, indented, double, single, bare]: RegExpExecArray): boolean {
    this.#pending.push({ word: double ?? single ?? bare ?? "", indented: indented === "~" });
    return this.#push({ kind: "string", value: undefined }, whole.length);
  }

  #word(word: string): boolean {
    if (word === "__END__" || word === "__DATA__") {
      this.#at = this.#code.length;
      return false;
    }
    // A member, a key or the name of a subroutine is a plain word, whatever it is called.
    const last = this.tokens.at(-1);
    const isKey = last?.kind === "mark" && last.text === "{" && this.#code[this.#skipSpace(this.#at + word.length)] === "}";
    const isName = isKey || (last?.kind === "mark" && last.text === "->") || (last?.kind === "word" && last.text === "sub");
    const quote = QUOTE_LIKE.has(word) && !isName ? this.#quoteLike(word) : undefined;
    return quote ?? this.#push({ kind: "word", text: word }, word.length);
  }

  /** `qq{…}`, `s/…/…/`; undefined when the word is followed by something that is no delimiter. */
  #quoteLike(word: string): boolean | undefined {
    let at = this.#at + word.length;
    while (/\s/.test(this.#code[at] ?? "")) at += 1;
    const delimiter = this.#code[at] ?? "";
    const isSpaced = at > this.#at + word.length;
    if (delimiter === "" || /[\w;)=]/.test(delimiter) || (delimiter === "," && isSpaced) || (delimiter === "#" && isSpaced)) return undefined;
    const first = this.#delimited(at);
    if (first === undefined) return this.#giveUp();
    const { text } = first;
    let end = first.end;
    if (QUOTE_LIKE.get(word) === 2) {
      const second = CLOSERS[delimiter] === undefined ? this.#delimited(end - 1) : this.#delimited(this.#skipSpace(end));
      if (second === undefined) return this.#giveUp();
      end = second.end;
    }
    this.tokens.push(quoteToken(word, text));
    this.#at = end;
    return true;
  }

  #skipSpace(from: number): number {
    let at = from;
    while (/\s/.test(this.#code[at] ?? "")) at += 1;
    return at;
  }

  #string(at: number, quote: string, isText = true): boolean {
    const found = this.#delimited(at);
    if (found === undefined) return this.#giveUp();
    this.tokens.push(isText ? quoteToken(quote, found.text) : { kind: "string", value: undefined });
    this.#at = found.end;
    return true;
  }

  /** A literal that never ends: something was taken for a quote that is none. */
  #giveUp(): boolean {
    this.#at = this.#code.length;
    return false;
  }

  /** The text between a delimiter at `at` and its partner; brackets nest. */
  #delimited(at: number): { text: string; end: number } | undefined {
    const open = this.#code[at];
    if (open === undefined) return undefined;
    const close = CLOSERS[open] ?? open;
    let depth = 0;
    for (let index = at + 1; index < this.#code.length; index++) {
      const character = this.#code[index];
      if (character === "\\") index += 1;
      else if (character === close && depth === 0) return { text: this.#code.slice(at + 1, index), end: index + 1 };
      else if (character === close) depth -= 1;
      else if (character === open) depth += 1;
    }
    return undefined;
  }
}

function quoteToken(quote: string, text: string): PerlToken {
  if (quote === "qw") return { kind: "words", values: text.split(/\s+/).filter((word) => word !== "") };
  if (quote === "'" || quote === "q") return { kind: "string", value: text.replace(/\\([\\'])/g, "$1") };
  if (quote !== '"' && quote !== "qq") return { kind: "string", value: undefined };
  // What follows a sigil is interpolated.
  return { kind: "string", value: /(?:^|[^\\])[$@][\w{:]/.test(text) ? undefined : decodeEscapes(text, PERL_ESCAPES) };
}
