/** How a preprocessor is found that is not called `main`. */
interface Naming {
  readonly main: RegExp;
  readonly own: RegExp;
  /** Makes it the main of the script, behind the last line: lines stay the user's. */
  readonly alias: string;
}

const PYTHON: Naming = { main: /^(?:(?:async\s+)?def\s+main\b|main\s*=)/m, own: /^(?:async\s+)?def\s+preprocessor\b/m, alias: "main = preprocessor" };
// Spaces of one line only: what begins at every line must not look at all lines after it.
const MODULE: Naming = {
  main: /^[ \t]*export\b[^;\n]*\bmain\b/m,
  own: /^[ \t]*export\s+(?:(?:async\s+)?function|const|let)\s+preprocessor\b/m,
  alias: "export { preprocessor as main };",
};
const NAMINGS: Readonly<Record<string, Naming>> = { python3: PYTHON, typescript: MODULE, javascript: MODULE };

/** The code of a preprocessor as it runs. In OpenFlow its function may be called `preprocessor`; our runtimes call `main`. */
export function preprocessorCode(language: string, content: string): string {
  const naming = NAMINGS[language];
  if (naming === undefined || naming.main.test(content) || !naming.own.test(content)) return content;
  return `${content}\n${naming.alias}\n`;
}
