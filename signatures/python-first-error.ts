import type { Tree } from "web-tree-sitter";
import type { GrammarParser } from "./grammar-parser.ts";
import { firstBrokenStatement, firstErrorNode, type ParseFailure, TraceReader } from "./parse-trace.ts";
import { unclosedBracket } from "./python-brackets.ts";
import { type Finding, printable, skipBlank } from "./python-text.ts";

/**
 * Finds where the parser first met a token that fits nowhere. The tree does not tell: its ERROR nodes often begin
 * far above the mistake (at the `class` around it). The parser's trace does, so the part of the file from the first
 * broken statement on is parsed once more with the trace on.
 */
export function locateFirstError(tree: Tree, code: string, parser: GrammarParser): Finding {
  const start = firstBrokenStatement(tree.rootNode, code);
  const part = code.slice(start);
  const trace = new TraceReader(part, skipBlank);
  parser.trace(
    part,
    (message) => trace.read(message),
    () => trace.isDone,
  );
  if (trace.failure !== undefined) {
    const finding = describe(trace.failure, part);
    return { offset: start + finding.offset, message: finding.message };
  }
  return { offset: firstErrorNode(tree.rootNode)?.startIndex ?? 0, message: "invalid syntax" };
}

const LINE_TOKENS = new Set(["_newline", "_indent", "_dedent", "comment", ""]);

function describe(failure: ParseFailure, code: string): Finding {
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
