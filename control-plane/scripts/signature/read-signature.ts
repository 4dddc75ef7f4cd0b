import { assertNever } from "../../../kernel/assert-never.ts";
import type { Language } from "../../../kernel/languages.ts";
import { readBash } from "./bash.ts";
import type { SignatureReading } from "./model.ts";
import { readPython } from "./python.ts";
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
    default:
      return assertNever(language);
  }
}
