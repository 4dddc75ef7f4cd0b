/** Languages that scripts may be written in, under the names that OpenFlow uses. */
export const LANGUAGES = ["bash", "python3", "typescript", "javascript"] as const;
export type Language = (typeof LANGUAGES)[number];

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
};

const BY_EXTENSION: Readonly<Record<string, Language>> = {
  ".py": "python3",
  ".ts": "typescript",
  ".mts": "typescript",
  ".js": "javascript",
  ".mjs": "javascript",
  ".sh": "bash",
  ".bash": "bash",
};

/** Our name of a language, or undefined when there is none. */
export function parseLanguage(name: string): Language | undefined {
  return LANGUAGES.find((language) => language === name) ?? ALIASES[name];
}

/** The language of a file by its extension (with the dot), or undefined. */
export function languageOfExtension(extension: string): Language | undefined {
  return BY_EXTENSION[extension.toLowerCase()];
}
