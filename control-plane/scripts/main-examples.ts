import type { Language } from "../../kernel/languages.ts";

/** The first lines of a script, for people whose script has no `main`. Languages whose text is the whole script need none. */
const EXAMPLES: Readonly<Record<Exclude<Language, "bash" | "postgresql" | "mysql" | "sqlite" | "duckdb" | "graphql" | "http">, string>> = {
  typescript: "export function main(name: string) {",
  javascript: "export function main(name) {",
  python3: "def main(name: str):",
  go: "package inner and func main(name string) (interface{}, error) {",
  rust: "fn main(name: String) -> anyhow::Result<String> {",
  java: "public class Main { public static Object main(String name) {",
  php: "<?php function main(string $name) {",
  ruby: "def main(name)",
  perl: "sub main { my ($name) = @_;",
  r: "main <- function(name) {",
};

/** How a script of the language may begin; undefined when it needs no `main`. */
export function mainExample(language: Language): string | undefined {
  return Object.entries(EXAMPLES).find(([name]) => name === language)?.[1];
}
