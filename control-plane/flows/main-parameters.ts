/** Where the parameters of a script's function stand: in the first group. What begins at every line goes no further than a bound. */
const HEADS: Readonly<Record<string, readonly RegExp[]>> = {
  python3: [/^(?:async\s+)?def\s+(?:main|preprocessor)\s{0,9}\(([^)]{0,300})\)/m],
  typescript: [
    /^[ \t]*export\s+(?:async\s+)?function\s+(?:main|preprocessor)\s{0,9}\(([^)]{0,300})\)/m,
    /^[ \t]*export\s+const\s+(?:main|preprocessor)\s{0,9}=\s{0,9}(?:async\s{0,9})?\(([^)]{0,300})\)/m,
  ],
};

/** What stands between parameters and is none: marks of Python's. */
const MARKS: ReadonlySet<string> = new Set(["", "*", "/"]);
/** Not those signs within a default, such as an address. */
const COMMENTS = /(?<=^|\s)(?:#|\/\/)[^\n]*|\/\*[^*]*\*\//g;

/**
 * Names of the parameters of the function that a script runs, read off its text; undefined where that does not say, as with `**kwargs` and `{ error }`.
 * It is no parser: what it says decides about nothing but arguments that nobody wrote.
 */
export function mainParameters(language: string, content: string): readonly string[] | undefined {
  const heads = HEADS[language === "javascript" ? "typescript" : language] ?? [];
  const inside = heads.map((head) => head.exec(content)?.[1]).find((found) => found !== undefined);
  const parts = inside?.replaceAll(COMMENTS, "").split(",");
  const names = parts?.map((part) => part.trim()).flatMap((part) => (MARKS.has(part) ? [] : [/^\w+/.exec(part)?.[0]]));
  return names?.every((name) => name !== undefined) === true ? names : undefined;
}
