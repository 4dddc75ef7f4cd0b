import { type Language, NOOP_LANGUAGE, parseLanguage } from "../../kernel/languages.ts";

/** Languages that OpenFlow names and that no runtime of ours offers. Steps in them wait for an agent that does. */
const FOREIGN_LANGUAGES = ["powershell", "csharp", "nu", "ansible", "mssql", "bigquery", "snowflake", "oracledb"] as const;
type ForeignLanguage = (typeof FOREIGN_LANGUAGES)[number];

export type FlowLanguage = Language | ForeignLanguage | typeof NOOP_LANGUAGE;

/** The language of a step: ours where we have a runtime (`bun`, `deno` and `nativets` all are TypeScript), else OpenFlow's. Undefined for an unknown one. */
export function parseFlowLanguage(name: string): FlowLanguage | undefined {
  if (name === NOOP_LANGUAGE) return NOOP_LANGUAGE;
  if (name === "bunnative") return "typescript";
  return parseLanguage(name) ?? FOREIGN_LANGUAGES.find((language) => language === name);
}
