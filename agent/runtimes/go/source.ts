/** What stands before the first declaration of a Go file. */
export interface GoHeader {
  /** Offsets of the name in the package clause; undefined when there is no such clause. */
  readonly packageName: { readonly from: number; readonly to: number } | undefined;
  readonly imports: readonly string[];
  /** `//require module version` lines, as Windmill has them. */
  readonly requires: readonly { readonly module: string; readonly version: string }[];
}

const REQUIRE = /^\/\/ ?require[ \t]+([A-Za-z0-9][A-Za-z0-9._~/-]{0,255})[ \t]+(v[0-9][0-9A-Za-z.+-]{0,99})[ \t]*\r?$/;
const BLANK = /[ \t\r\n;]+/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//y;
const WORD = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const TEXT = /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`/y;
const PUNCTUATION = /[().]/y;

interface Token {
  readonly kind: "word" | "text" | "punctuation" | "comment";
  readonly text: string;
  readonly from: number;
}

/**
 * Reads the package clause and the imports by the rules of the language: nothing but comments and imports may come before the first
 * declaration. Stops there, so its time grows with the header only. Never fails: broken code is the compiler's to complain about.
 */
export function readGoHeader(code: string): GoHeader {
  const imports: string[] = [];
  const requires: { module: string; version: string }[] = [];
  let packageName: GoHeader["packageName"];
  let state: "start" | "name" | "top" | "import" | "group" = "start";
  for (const token of tokensOf(code)) {
    if (token.kind === "comment") {
      const [, module, version] = REQUIRE.exec(token.text) ?? [];
      if (module !== undefined && version !== undefined) requires.push({ module, version });
    } else if (state === "start") {
      if (token.text !== "package") break;
      state = "name";
    } else if (state === "name") {
      if (token.kind !== "word") break;
      packageName = { from: token.from, to: token.from + token.text.length };
      state = "top";
    } else if (state === "top") {
      if (token.text !== "import") break;
      state = "import";
    } else if (token.kind === "text") {
      imports.push(token.text.slice(1, -1));
      if (state === "import") state = "top";
    } else if (token.text === "(") state = "group";
    else if (token.text === ")") state = "top";
  }
  return { packageName, imports, requires };
}

function* tokensOf(code: string): Generator<Token> {
  const patterns = [
    [LINE_COMMENT, "comment"],
    [BLOCK_COMMENT, "comment"],
    [WORD, "word"],
    [TEXT, "text"],
    [PUNCTUATION, "punctuation"],
  ] as const;
  for (let at = code.startsWith("\ufeff") ? 1 : 0; at < code.length; ) {
    BLANK.lastIndex = at;
    if (BLANK.test(code)) {
      at = BLANK.lastIndex;
      continue;
    }
    const found = patterns.find(([pattern]) => {
      pattern.lastIndex = at;
      return pattern.test(code);
    });
    if (found === undefined) return;
    const to = found[0].lastIndex;
    yield { kind: found[1], text: code.slice(at, to), from: at };
    at = to;
  }
}

/** Packages of the standard library have no dot in their first element; those of modules always do. */
export function isThirdParty(path: string): boolean {
  return (path.split("/", 1)[0] ?? "").includes(".");
}

/** The file as a package that a program can import: whatever its package is called, on the same line. */
export function asInnerPackage(code: string, header: GoHeader): string {
  if (header.packageName === undefined) return code;
  return `${code.slice(0, header.packageName.from)}inner${code.slice(header.packageName.to)}`;
}
