/** Languages that scripts may be written in, under the names that OpenFlow uses. */
export const LANGUAGES = [
  "bash",
  "python3",
  "typescript",
  "javascript",
  "go",
  "rust",
  "java",
  "php",
  "ruby",
  "perl",
  "r",
  "postgresql",
  "mysql",
  "sqlite",
  "duckdb",
  "graphql",
  "http",
] as const;
export type Language = (typeof LANGUAGES)[number];

/** Languages with packages whose versions can be fixed by a lock. */
export const LOCKED_LANGUAGES: ReadonlySet<string> = new Set<Language>(["python3", "typescript", "javascript", "go", "rust", "java", "php", "ruby"]);

/** In-process runtime that does nothing: for load tests, offered only by agents that were started with it. */
export const NOOP_LANGUAGE = "noop";

/** OpenFlow names that mean one of ours. */
const ALIASES: Readonly<Record<string, Language>> = {
  python: "python3",
  bun: "typescript",
  deno: "typescript",
  nativets: "typescript",
  ts: "typescript",
  js: "javascript",
  sh: "bash",
  golang: "go",
  rlang: "r",
  postgres: "postgresql",
  mariadb: "mysql",
};

const BY_EXTENSION: Readonly<Record<string, Language>> = {
  ".py": "python3",
  ".ts": "typescript",
  ".mts": "typescript",
  ".js": "javascript",
  ".mjs": "javascript",
  ".sh": "bash",
  ".bash": "bash",
  ".go": "go",
  ".rs": "rust",
  ".java": "java",
  ".php": "php",
  ".rb": "ruby",
  ".pl": "perl",
  ".r": "r",
  ".gql": "graphql",
  ".graphql": "graphql",
};

/** Our name of a language, or undefined when there is none. */
export function parseLanguage(name: string): Language | undefined {
  return LANGUAGES.find((language) => language === name) ?? ALIASES[name];
}

/** The language of a file by its extension (with the dot), or undefined. */
export function languageOfExtension(extension: string): Language | undefined {
  return BY_EXTENSION[extension.toLowerCase()];
}
