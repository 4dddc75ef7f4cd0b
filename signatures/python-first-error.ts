import type { Node, Tree } from "web-tree-sitter";
import { type OpenBracket, unclosedBracket } from "./python-brackets.ts";
import type { PythonParser } from "./python-parser.ts";
import { type Finding, printable, skipBlank } from "./python-text.ts";

/** Messages of the parser that one search may cost; ordinary code makes three per character. */
const TRACE_LIMIT = 4_000_000;

/**
 * Finds where the parser first met a token that fits nowhere. The tree does not tell: its ERROR nodes often begin
 * far above the mistake (at the `class` around it). The parser's trace does, so the part of the file from the first
 * broken statement on is parsed once more with the trace on.
 */
export function locateFirstError(tree: Tree, code: string, parser: PythonParser): Finding {
  const start = firstBrokenStatement(tree.rootNode, code);
  const part = code.slice(start);
  const trace = new TraceReader(part);
  parser.trace(
    part,
    (message) => trace.read(message),
    () => trace.isDone,
  );
  const finding = trace.finding();
  if (finding !== undefined) return { offset: start + finding.offset, message: finding.message };
  return { offset: firstErrorNode(tree.rootNode)?.startIndex ?? 0, message: "invalid syntax" };
}

/** Offset of the first top-level statement with an error in it, if it starts a line. */
function firstBrokenStatement(root: Node, code: string): number {
  if (root.isError) return 0;
  const at = root.children.find((child) => child.hasError || child.isError || child.isMissing)?.startIndex ?? 0;
  return at > 0 && code[at - 1] === "\n" ? at : 0;
}

function firstErrorNode(root: Node): Node | undefined {
  let node = root;
  for (;;) {
    if (node.isError || node.isMissing) return node;
    const next = node.children.find((child) => child.hasError || child.isError || child.isMissing);
    if (next === undefined) return undefined;
    node = next;
  }
}

/** The automaton's state when a token fitted nowhere. */
interface Failure {
  /** Where the last accepted token ended. */
  readonly offset: number;
  readonly lookahead: string;
  readonly lastShifted: string;
  readonly open: readonly OpenBracket[];
  readonly stringStart: number | undefined;
}

const CLOSERS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
const LINE_TOKENS = new Set(["_newline", "_indent", "_dedent", "comment", ""]);

/** Follows the parser's trace up to the first failure. */
class TraceReader {
  readonly #code: string;
  readonly #lineStarts: number[];
  #messages = 0;
  #offset = 0;
  #furthest = -1;
  #lookahead = "";
  #lastShifted = "";
  #stringStart: number | undefined;
  #open: OpenBracket[] = [];
  #failure: Failure | undefined;
  #isComplete = false;

  constructor(code: string) {
    this.#code = code;
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
    if (token === "string_start") this.#stringStart = skipBlank(this.#code, this.#offset);
    else if (token === "string_end") this.#stringStart = undefined;
    else if (token === "(" || token === "[" || token === "{") this.#open.push({ bracket: token, offset: skipBlank(this.#code, this.#offset) });
    else if (CLOSERS[token] !== undefined && this.#open.at(-1)?.bracket === CLOSERS[token]) this.#open.pop();
  }

  /** Of several readings the one that came furthest tells what is wrong. */
  #fail(): void {
    if (this.#failure !== undefined && this.#failure.offset >= this.#offset) return;
    this.#failure = { offset: this.#offset, lookahead: this.#lookahead, lastShifted: this.#lastShifted, open: [...this.#open], stringStart: this.#stringStart };
  }

  finding(): Finding | undefined {
    return this.#failure === undefined ? undefined : describe(this.#failure, this.#code);
  }
}

function describe(failure: Failure, code: string): Finding {
  if (failure.stringStart !== undefined && /string/.test(failure.lastShifted)) return { offset: failure.stringStart, message: "this string is never closed" };
  const token = skipBlank(code, failure.offset);
  const open = unclosedBracket(code, failure.offset, failure.open);
  if (open !== undefined) return { offset: open.offset, message: `'${open.bracket}' is never closed` };
  const crossesLine = code.slice(failure.offset, token).includes("\n");
  const startsLine = LINE_TOKENS.has(failure.lastShifted);
  if (failure.open.length === 0 && !startsLine && (crossesLine || token >= code.length)) return { offset: failure.offset, message: "unexpected end of line" };
  if (token >= code.length) return { offset: token, message: "unexpected end of file" };
  if (failure.lookahead === "_indent") return { offset: token, message: "unexpected indent" };
  const text = /^(?:[\p{L}\p{N}_]{1,40}|[\s\S])/u.exec(code.slice(token, token + 80))?.[0] ?? "";
  return { offset: token, message: `unexpected ${printable(text)}` };
}
