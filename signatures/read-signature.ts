import { assertNever } from "../kernel/assert-never.ts";
import type { Language } from "../kernel/languages.ts";
import { readBash } from "./bash.ts";
import { readGo } from "./go.ts";
import { readJava } from "./java.ts";
import { OPAQUE_MAIN, type SignatureReading } from "./model.ts";
import { readPhp } from "./php.ts";
import { readPython } from "./python.ts";
import { readRuby } from "./ruby.ts";
import { readRust } from "./rust.ts";
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
    // Their signatures are not read yet: any arguments are welcome.
    case "perl":
    case "r":
    case "postgresql":
    case "mysql":
    case "sqlite":
    case "duckdb":
    case "graphql":
    case "http":
      return { signature: OPAQUE_MAIN, problems: [] };
    default:
      return assertNever(language);
  }
}
