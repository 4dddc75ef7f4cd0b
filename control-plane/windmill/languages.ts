import { parseLanguage } from "../../kernel/languages.ts";

/** What Windmill's tools call files of its languages. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  python3: "py",
  go: "go",
  bash: "sh",
  postgresql: "pg.sql",
  mysql: "my.sql",
  duckdb: "duckdb.sql",
  graphql: "gql",
  nativets: "fetch.ts",
  php: "php",
  rust: "rs",
  java: "java",
  ruby: "rb",
  rlang: "r",
};

/** Languages of ours under the names that they have there; the others have none. */
const THEIRS: Readonly<Record<string, string>> = {
  python3: "python3",
  bash: "bash",
  typescript: "bun",
  go: "go",
  rust: "rust",
  java: "java",
  php: "php",
  ruby: "ruby",
  r: "rlang",
  postgresql: "postgresql",
  mysql: "mysql",
  duckdb: "duckdb",
  graphql: "graphql",
};

/**
 * What Windmill calls the language of a script; undefined when it has none for it.
 * @param given what its tools called it when they made the script
 */
export function theirLanguage(ours: string, given: unknown): string | undefined {
  return typeof given === "string" && parseLanguage(given) === ours ? given : THEIRS[ours];
}

/** @param defaultTs the runtime that a plain `.ts` stands for */
export function theirExtension(language: string, defaultTs: string): string | undefined {
  if (language === "bun" || language === "deno") return language === defaultTs ? "ts" : `${language}.ts`;
  return EXTENSIONS[language];
}
