/** A parameter of a Bash script, as its assignments from `$1`, `$2` … declare it. */
export interface BashParameter {
  readonly name: string;
  /** 1 for `$1`. */
  readonly position: number;
  /** Text of `${2:-text}` without its own quotes; absent when the parameter is required. */
  readonly default?: string;
}

/** No script takes more; later ones are ignored, so that one odd line cannot make thousands of arguments. */
const MAX_POSITION = 99;

const ASSIGNMENT = /^(?:(?:export|readonly)[ \t]+)?([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)$/;
const HEREDOC = /<<(-?)[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|\\?([A-Za-z_][A-Za-z0-9_]*))/;

/**
 * Reads the parameters of a Bash script by the Windmill convention: unindented lines that assign a positional
 * parameter to a name (`name="$1"`, `limit="${2:-10}"`, quotes optional, `export` and `readonly` allowed). Indented
 * lines are left out: they belong to functions, where `$1` means something else. Here-documents are skipped.
 * Of two lines for one position or one name the first counts.
 * @returns sorted by position; positions may have gaps
 */
export function parseBashParameters(code: string): BashParameter[] {
  const byPosition = new Map<number, BashParameter>();
  const names = new Set<string>();
  for (const line of linesOutsideHeredocs(code)) {
    const assignment = ASSIGNMENT.exec(line);
    if (assignment === null) continue;
    const name = assignment[1] ?? "";
    const source = parsePositional(assignment[2] ?? "");
    if (source === undefined || byPosition.has(source.position) || names.has(name)) continue;
    names.add(name);
    byPosition.set(source.position, { name, ...source });
  }
  return [...byPosition.values()].sort((a, b) => a.position - b.position);
}

function* linesOutsideHeredocs(code: string): Generator<string> {
  let end: { word: string; tabs: boolean } | undefined;
  for (const raw of code.split("\n")) {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (end !== undefined) {
      if ((end.tabs ? line.replace(/^\t+/, "") : line) === end.word) end = undefined;
      continue;
    }
    // `<<<` is a here-string: it has no body.
    const heredoc = line.startsWith("#") ? null : HEREDOC.exec(line.replaceAll("<<<", ""));
    if (heredoc !== null) end = { word: heredoc[2] ?? heredoc[3] ?? heredoc[4] ?? "", tabs: heredoc[1] === "-" };
    yield line;
  }
}

interface Positional {
  readonly position: number;
  readonly default?: string;
}

/** Reads `"$1"`, `$1`, `"${1}"`, `${1:-text}`, `${1:?text}` followed by nothing but blanks, `;` or a comment. */
function parsePositional(text: string): Positional | undefined {
  const quoted = text.startsWith('"');
  const body = quoted ? text.slice(1) : text;
  const plain = /^\$([1-9])/.exec(body);
  if (plain !== null) return endsStatement(body.slice(2), quoted) ? { position: Number(plain[1]) } : undefined;
  const braced = /^\$\{([1-9][0-9]?)(\}|:-|:\?)/.exec(body);
  if (braced === null) return undefined;
  const position = Number(braced[1]);
  if (position > MAX_POSITION) return undefined;
  const start = braced[0].length;
  if (braced[2] === "}") return endsStatement(body.slice(start), quoted) ? { position } : undefined;
  const end = closingBrace(body, start);
  if (end === -1 || !endsStatement(body.slice(end + 1), quoted)) return undefined;
  return braced[2] === ":-" ? { position, default: unquote(body.slice(start, end)) } : { position };
}

/** Index of the brace that closes an expansion; nested `${…}` and backslashes are honoured; -1 when there is none. */
function closingBrace(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === "\\") at += 1;
    else if (char === "$" && text[at + 1] === "{") {
      depth += 1;
      at += 1;
    } else if (char === "}") {
      if (depth === 0) return at;
      depth -= 1;
    }
  }
  return -1;
}

/** Nothing, a semicolon, or a comment may follow. Without a regular expression: a long run of blanks must not cost more than its length. */
function endsStatement(rest: string, quoted: boolean): boolean {
  if (quoted && !rest.startsWith('"')) return false;
  const after = quoted ? rest.slice(1) : rest;
  const text = after.trim();
  if (text === "") return true;
  if (text.startsWith(";")) return /^(#.*)?$/.test(text.slice(1).trimStart());
  return text.startsWith("#") && after !== after.trimStart();
}

/** Takes one pair of quotes off and undoes the escapes that Bash knows inside double quotes. */
function unquote(text: string): string {
  const single = /^'([^']*)'$/.exec(text);
  if (single !== null) return single[1] ?? "";
  const inner = /^"(.*)"$/s.exec(text)?.[1] ?? text;
  return inner.replace(/\\([\\"$`}])/g, "$1");
}
