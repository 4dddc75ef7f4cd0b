import type { Tree } from "web-tree-sitter";
import type { GrammarParser } from "./grammar-parser.ts";
import type { SyntaxProblem } from "./model.ts";
import { firstBrokenStatement, firstErrorNode, type ParseFailure, type SkipBlank, TraceReader } from "./parse-trace.ts";
import { type Finding, printable } from "./python-text.ts";
import { SourcePositions } from "./source-position.ts";

export interface GrammarTraits {
  readonly skipBlank: SkipBlank;
  /** Whether a top-level statement can be parsed without what stands above it. Not so in PHP, where text surrounds the code. */
  readonly startsAnywhere: boolean;
}

/** Blanks and comments of languages that comment like C. Each alternative takes at least a character, so a match is linear. */
const BLANK_OR_COMMENT = /(?:[ \t\r\n\f]|\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/)*/y;

export function skipCLikeBlank(code: string, from: number): number {
  BLANK_OR_COMMENT.lastIndex = from;
  return BLANK_OR_COMMENT.exec(code) === null ? from : BLANK_OR_COMMENT.lastIndex;
}

/**
 * Where the code breaks the grammar: the first place only, since the parser guesses its way on from there. Found in the parser's trace, see
 * `locateFirstError` of Python.
 */
export function grammarProblems(tree: Tree, code: string, parser: GrammarParser, traits: GrammarTraits): SyntaxProblem[] {
  if (!tree.rootNode.hasError) return [];
  const start = traits.startsAnywhere ? firstBrokenStatement(tree.rootNode, code) : 0;
  const part = code.slice(start);
  const trace = new TraceReader(part, traits.skipBlank);
  parser.trace(
    part,
    (message) => trace.read(message),
    () => trace.isDone,
  );
  const found = trace.failure === undefined ? undefined : describe(trace.failure, part, traits.skipBlank);
  const offset = found === undefined ? (firstErrorNode(tree.rootNode)?.startIndex ?? 0) : start + found.offset;
  return [new SourcePositions(code).problemAt(offset, found?.message ?? "invalid syntax")];
}

function describe(failure: ParseFailure, code: string, skipBlank: SkipBlank): Finding {
  const token = skipBlank(code, failure.offset);
  if (token >= code.length) {
    const open = failure.open.at(-1);
    return open === undefined ? { offset: token, message: "unexpected end of file" } : { offset: open.offset, message: `'${open.bracket}' is never closed` };
  }
  const text = /^(?:[\p{L}\p{N}_]{1,40}|[\s\S])/u.exec(code.slice(token, token + 80))?.[0] ?? "";
  return { offset: token, message: `unexpected ${printable(text)}` };
}
