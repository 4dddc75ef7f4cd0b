import { type OxcError, type Program, parseSync } from "oxc-parser";
import { NO_MAIN, OPAQUE_MAIN, type Signature, type SignatureReading, type SyntaxProblem } from "./model.ts";
import { SourcePositions, tidyProblems } from "./source-position.ts";
import { collectDeclarations } from "./typescript-declarations.ts";
import { importsBuiltInsOnly } from "./typescript-imports.ts";
import { findMain } from "./typescript-main.ts";
import { readParameters } from "./typescript-parameters.ts";
import { fileScope } from "./typescript-scope.ts";
import { functionScope } from "./typescript-types.ts";
import { WorkBudget } from "./work-budget.ts";

/** Complaints of a type checker that do not keep the code from running: "a required parameter cannot follow an optional one". */
const HARMLESS = /\bTS\((?:1016)\)/;

/**
 * Reads the signature of a TypeScript or JavaScript file. Never throws on broken code. The native parser recurses on
 * the machine stack (10,000 nested brackets end the process) and is slow beyond measure on some short inputs, so code
 * of strangers must come here only inside the parser process (see `parser-process.ts`).
 */
export function readTypeScript(code: string, language: "typescript" | "javascript", budget: WorkBudget = new WorkBudget()): SignatureReading {
  const parsed = parse(code, language);
  const errors = parsed.errors.filter((error) => error.severity === "Error" && !HARMLESS.test(error.codeframe ?? ""));
  const positions = new SourcePositions(code);
  return {
    signature: signatureOf(parsed.program, budget),
    problems: tidyProblems(errors.map((error) => toProblem(error, positions))),
    standardOnly: importsBuiltInsOnly(code, parsed.module),
  };
}

function parse(code: string, language: "typescript" | "javascript"): ReturnType<typeof parseSync> {
  if (language === "typescript") return parseSync("main.ts", code, { lang: "ts", sourceType: "module" });
  const parsed = parseSync("main.js", code, { lang: "js", astType: "ts", sourceType: "module" });
  if (parsed.errors.length === 0 || parsed.module.hasModuleSyntax) return parsed;
  // Old CommonJS code may use what modules forbid (`with`, a top-level `return`).
  const commonJs = parseSync("main.js", code, { lang: "js", astType: "ts", sourceType: "commonjs" });
  return commonJs.errors.length === 0 ? commonJs : parsed;
}

function toProblem(error: OxcError, positions: SourcePositions): SyntaxProblem {
  const label = error.labels[0];
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  const detail = label?.message;
  // "Expected `)` but found `EOF`" is complete; "Unexpected token" gains from its label.
  return positions.problemAt(label?.start ?? 0, detail === null || detail === undefined || message.includes("xpected `") ? message : `${message}: ${detail}`);
}

function signatureOf(program: Program, budget: WorkBudget): Signature {
  const main = findMain(program);
  if (main.kind === "none") return NO_MAIN;
  if (main.kind === "opaque") return OPAQUE_MAIN;
  const scope = functionScope(main.node.typeParameters?.params ?? [], fileScope(collectDeclarations(program), budget));
  return { ...readParameters(main.node.params, scope), hasMain: true };
}
