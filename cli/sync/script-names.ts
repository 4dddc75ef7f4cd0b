import { extname } from "node:path";
import { type Language, languageOfExtension } from "../../kernel/languages.ts";

/** What a script's file is called in a pulled folder: its name and this. */
const SUFFIXES: Readonly<Record<string, string>> = {
  bash: ".sh",
  python3: ".py",
  typescript: ".ts",
  javascript: ".js",
  go: ".go",
  rust: ".rs",
  java: ".java",
  php: ".php",
  ruby: ".rb",
  perl: ".pl",
  r: ".r",
  postgresql: ".pg.sql",
  mysql: ".my.sql",
  sqlite: ".sqlite.sql",
  duckdb: ".duckdb.sql",
  graphql: ".gql",
  http: ".script.http",
  noop: ".script.noop",
} satisfies Record<Language | "noop", string>;

/** Languages whose files cannot be told by the last extension alone. */
const LONG = Object.entries(SUFFIXES).filter(([, suffix]) => suffix.lastIndexOf(".") > 0);

export function scriptSuffix(language: string): string | undefined {
  return SUFFIXES[language];
}

/** The language of a file, and its name without what says so; undefined for what is no script. */
export function scriptFile(file: string): { readonly language: string; readonly stem: string } | undefined {
  const long = LONG.find(([, suffix]) => file.endsWith(suffix));
  if (long !== undefined) return { language: long[0], stem: file.slice(0, -long[1].length) };
  const extension = extname(file);
  const language = languageOfExtension(extension);
  return language === undefined ? undefined : { language, stem: file.slice(0, -extension.length) };
}
