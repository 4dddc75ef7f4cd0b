import { assertNever } from "../kernel/assert-never.ts";
import type { Language } from "../kernel/languages.ts";
import { readBash } from "./bash.ts";
import { readGo } from "./go.ts";
import { readGraphql } from "./graphql.ts";
import { readHttp } from "./http.ts";
import { readJava } from "./java.ts";
import type { SignatureReading } from "./model.ts";
import { readPerl } from "./perl.ts";
import { readPhp } from "./php.ts";
import { readPython } from "./python.ts";
import { readR } from "./r.ts";
import { readRuby } from "./ruby.ts";
import { readRust } from "./rust.ts";
import { readSql } from "./sql.ts";
import { readTypeScript } from "./typescript.ts";
import { WorkBudget } from "./work-budget.ts";

/**
 * Reads signature and syntax problems in this very process. For code of strangers only inside the parser process:
 * see `parser-process.ts`.
 */
export async function readSignature(language: Language, code: string, budget: WorkBudget = new WorkBudget()): Promise<SignatureReading> {
  switch (language) {
    case "typescript":
    case "javascript":
      return readTypeScript(code, language, budget);
    case "python3":
      return readPython(code, budget);
    case "bash":
      return readBash(code);
    case "go":
      return readGo(code, budget);
    case "rust":
      return readRust(code, budget);
    case "java":
      return readJava(code, budget);
    case "php":
      return readPhp(code, budget);
    case "ruby":
      return readRuby(code, budget);
    case "perl":
      return readPerl(code, budget);
    case "r":
      return readR(code, budget);
    case "postgresql":
    case "mysql":
    case "sqlite":
    case "duckdb":
      return readSql(language, code);
    case "graphql":
      return readGraphql(code, budget);
    case "http":
      return readHttp(code, budget);
    default:
      return assertNever(language);
  }
}
