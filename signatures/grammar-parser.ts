import { createRequire } from "node:module";
import { Language, Parser, type Tree } from "web-tree-sitter";

/** Steps (of 100 parser operations each) after which a parse is given up; a megabyte of ordinary Python takes 15,000. */
const PARSE_STEP_LIMIT = 100_000;

export type GrammarName = "python" | "go" | "rust" | "java" | "php" | "ruby";

const parsers = new Map<GrammarName, Promise<GrammarParser>>();

/** The parser of this process for one grammar; the grammar is loaded by the first caller, the others wait for the same load. */
export function grammarParser(name: GrammarName): Promise<GrammarParser> {
  const known = parsers.get(name);
  if (known !== undefined) return known;
  const loading = load(name).catch((error: unknown) => {
    parsers.delete(name);
    throw error;
  });
  parsers.set(name, loading);
  return loading;
}

async function load(name: GrammarName): Promise<GrammarParser> {
  await Parser.init();
  const grammar = createRequire(import.meta.url).resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${name}.wasm`);
  const parser = new Parser();
  parser.setLanguage(await Language.load(grammar));
  return new GrammarParser(parser);
}

/** What the parser says while it works: one line per step of its automaton. */
export type ParserTrace = (message: string) => void;

/** Parsing is synchronous, so one parser serves all callers of a process. */
export class GrammarParser {
  readonly #parser: Parser;

  constructor(parser: Parser) {
    this.#parser = parser;
  }

  /** Hands the tree to `use` and frees it afterwards; undefined when the parse took more than PARSE_STEP_LIMIT steps. */
  withTree<T>(code: string, use: (tree: Tree) => T): T | undefined {
    let steps = 0;
    const tree = this.#parser.parse(code, null, { progressCallback: () => ++steps > PARSE_STEP_LIMIT });
    if (tree === null) {
      this.#parser.reset();
      return undefined;
    }
    try {
      return use(tree);
    } finally {
      tree.delete();
    }
  }

  /** Parses once more and passes on what the parser reports, until `isDone` says that it was enough. */
  trace(code: string, onMessage: ParserTrace, isDone: () => boolean): void {
    this.#parser.setLogger((message, isLex) => {
      if (!isLex) onMessage(message);
    });
    try {
      this.#parser.parse(code, null, { progressCallback: isDone })?.delete();
    } finally {
      this.#parser.setLogger(null);
      this.#parser.reset();
    }
  }
}
