import type { Node } from "web-tree-sitter";
import type { OpenBracket } from "./python-brackets.ts";

/** Messages of the parser that one search may cost; ordinary code makes three per character. */
const TRACE_LIMIT = 4_000_000;

export type SkipBlank = (code: string, from: number) => number;

/** Offset of the first top-level statement with an error in it, if it starts a line. */
export function firstBrokenStatement(root: Node, code: string): number {
  if (root.isError) return 0;
  const at = root.children.find((child) => child.hasError || child.isError || child.isMissing)?.startIndex ?? 0;
  return at > 0 && code[at - 1] === "\n" ? at : 0;
}

export function firstErrorNode(root: Node): Node | undefined {
  let node = root;
  for (;;) {
    if (node.isError || node.isMissing) return node;
    const next = node.children.find((child) => child.hasError || child.isError || child.isMissing);
    if (next === undefined) return undefined;
    node = next;
  }
}

/** The automaton's state when a token fitted nowhere. */
export interface ParseFailure {
  /** Where the last accepted token ended. */
  readonly offset: number;
  readonly lookahead: string;
  readonly lastShifted: string;
  readonly open: readonly OpenBracket[];
  readonly stringStart: number | undefined;
}

const CLOSERS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/** Follows the parser's trace up to the first failure. */
export class TraceReader {
  readonly #code: string;
  readonly #skipBlank: SkipBlank;
  readonly #lineStarts: number[];
  #messages = 0;
  #offset = 0;
  #furthest = -1;
  #lookahead = "";
  #lastShifted = "";
  #stringStart: number | undefined;
  #open: OpenBracket[] = [];
  #failure: ParseFailure | undefined;
  #isComplete = false;

  /** @param skipBlank the offset of the next token: blanks and comments, as the language has them, are skipped */
  constructor(code: string, skipBlank: SkipBlank) {
    this.#code = code;
    this.#skipBlank = skipBlank;
    this.#lineStarts = [0];
    for (let at = code.indexOf("\n"); at !== -1; at = code.indexOf("\n", at + 1)) this.#lineStarts.push(at + 1);
  }

  get isDone(): boolean {
    return this.#isComplete || this.#messages > TRACE_LIMIT;
  }

  read(message: string): void {
    if (this.isDone) return;
    this.#messages += 1;
    if (message.startsWith("process ")) this.#readPosition(message);
    else if (message.startsWith("lexed_lookahead ")) this.#lookahead = /^lexed_lookahead sym:(.*), size:\d+$/s.exec(message)?.[1] ?? "";
    else if (message.startsWith("shift ") || message === "shift_extra") this.#shift();
    else if (message.startsWith("detect_error ")) this.#fail();
    else if (message.startsWith("resume ")) this.#isComplete = this.#failure !== undefined;
  }

  #readPosition(message: string): void {
    const match = /row:(\d+), col:(\d+)$/.exec(message);
    if (match === null) return;
    // Columns are counted in bytes of UTF-16.
    this.#offset = (this.#lineStarts[Number(match[1])] ?? 0) + Number(match[2]) / 2;
  }

  /** The automaton may follow several readings at once; a token is counted when the first of them takes it. */
  #shift(): void {
    if (this.#offset < this.#furthest) return;
    const isRepeat = this.#offset === this.#furthest && this.#lookahead === this.#lastShifted;
    this.#furthest = this.#offset;
    this.#lastShifted = this.#lookahead;
    if (isRepeat) return;
    const token = this.#lookahead;
    if (token === "string_start") this.#stringStart = this.#skipBlank(this.#code, this.#offset);
    else if (token === "string_end") this.#stringStart = undefined;
    else if (token === "(" || token === "[" || token === "{") this.#open.push({ bracket: token, offset: this.#skipBlank(this.#code, this.#offset) });
    else if (CLOSERS[token] !== undefined && this.#open.at(-1)?.bracket === CLOSERS[token]) this.#open.pop();
  }

  /** Of several readings the one that came furthest tells what is wrong. */
  #fail(): void {
    if (this.#failure !== undefined && this.#failure.offset >= this.#offset) return;
    this.#failure = { offset: this.#offset, lookahead: this.#lookahead, lastShifted: this.#lastShifted, open: [...this.#open], stringStart: this.#stringStart };
  }

  /** Undefined when every token fitted. */
  get failure(): ParseFailure | undefined {
    return this.#failure;
  }
}
