import { NO_MAIN, type SignatureReading, type SyntaxProblem } from "./model.ts";

/** A list longer than this helps nobody: later problems mostly follow from the first. */
export const MAX_PROBLEMS = 20;
const MAX_LINE_TEXT = 200;

const LINE_END = /\r\n|\n|\r/g;

/** Finds lines and columns of offsets (in UTF-16 units) in one source text. */
export class SourcePositions {
  readonly #code: string;
  readonly #starts: number[];

  constructor(code: string) {
    this.#code = code;
    this.#starts = [0];
    for (const end of code.matchAll(LINE_END)) this.#starts.push(end.index + end[0].length);
  }

  /** The problem at an offset; one beyond either end of the text is moved to that end. */
  problemAt(offset: number, message: string): SyntaxProblem {
    const at = Math.max(0, Math.min(offset, this.#code.length));
    const index = this.#lineIndexOf(at);
    const start = this.#starts[index] ?? 0;
    return { message, line: index + 1, column: at - start + 1, text: this.#lineText(start) };
  }

  #lineIndexOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #lineText(start: number): string {
    const cut = this.#code.slice(start, start + MAX_LINE_TEXT);
    return cut.split(/[\r\n]/, 1)[0] ?? "";
  }
}

/** Sorts by position, drops repeats on one spot and cuts the list. */
export function tidyProblems(problems: readonly SyntaxProblem[]): SyntaxProblem[] {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  return sorted
    .filter((problem, index) => index === 0 || problem.line !== sorted[index - 1]?.line || problem.column !== sorted[index - 1]?.column)
    .slice(0, MAX_PROBLEMS);
}

/** The reading of code that a parser gave up on. */
export function tooComplex(code: string): SignatureReading {
  return { signature: NO_MAIN, problems: [new SourcePositions(code).problemAt(0, "the code is too complex to be read")] };
}
