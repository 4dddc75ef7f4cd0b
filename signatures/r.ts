import { ANY, type JsonValue, NO_MAIN, OPAQUE_MAIN, type Parameter, type Signature, type SignatureReading, type SyntaxProblem } from "./model.ts";
import { typeOfDefault } from "./parameter-types.ts";
import { CLOSING, isMark, splitArguments } from "./r-arguments.ts";
import { RGrammar } from "./r-grammar.ts";
import { rLiteral } from "./r-literals.ts";
import { type RToken, rTokens } from "./r-tokens.ts";
import { SourcePositions } from "./source-position.ts";
import { WorkBudget } from "./work-budget.ts";

/** Reads `main <- function(…)` of an R file; types are what the defaults suggest. The file is held against the grammar of R. */
export function readR(code: string, budget: WorkBudget = new WorkBudget()): SignatureReading {
  const { tokens, problem } = rTokens(code);
  const finding = problem ?? new RGrammar(code, tokens).check();
  const problems: SyntaxProblem[] = finding === undefined ? [] : [new SourcePositions(code).problemAt(finding.offset, finding.message)];
  return { signature: signatureOf(tokens, budget), problems };
}

const ASSIGN = new Set(["<-", "=", "<<-"]);

/** The last assignment to `main` outside of all brackets counts. */
function signatureOf(all: readonly RToken[], budget: WorkBudget): Signature {
  const tokens = all.filter((token) => token.kind !== "line_end");
  let depth = 0;
  let signature = NO_MAIN;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    const next = tokens[index + 1];
    if (token?.kind === "mark" && /^[([{]$/.test(token.text)) depth += 1;
    if (token?.kind === "mark" && CLOSING[token.text] !== undefined) depth -= 1;
    if (depth !== 0 || next?.kind !== "mark" || !ASSIGN.has(next.text)) continue;
    // `x$main <- …` and `pkg::main <- …` are other things.
    const before = tokens[index - 1];
    const isMember = before?.kind === "mark" && /^(?:\$|@|::?:?)$/.test(before.text);
    const isMain = (token?.kind === "name" && token.text === "main") || (token?.kind === "string" && token.value === "main");
    if (isMain && !isMember) signature = functionAt(tokens, index + 2, budget);
  }
  return signature;
}

/** `function(…)` or `\(…)` at an index; anything else that `main` may be cannot be seen into. */
function functionAt(tokens: readonly RToken[], index: number, budget: WorkBudget): Signature {
  const keyword = tokens[index];
  const isFunction = (keyword?.kind === "name" && keyword.text === "function") || isMark(keyword, "\\");
  if (!isFunction || !isMark(tokens[index + 1], "(")) return OPAQUE_MAIN;
  const parameters: Parameter[] = [];
  let variadic = false;
  for (const part of splitArguments(tokens, index + 2)) {
    const [name, equals] = part;
    if (name?.kind !== "name" || !budget.spend()) continue;
    if (name.text === "...") variadic = true;
    else parameters.push(parameterOf(name.text, isMark(equals, "=") ? part.slice(2) : undefined, budget));
  }
  return { parameters, hasMain: true, variadic };
}

function parameterOf(name: string, value: readonly RToken[] | undefined, budget: WorkBudget): Parameter {
  if (value === undefined) return { name, type: ANY, required: true };
  const fallback: JsonValue | undefined = rLiteral(value, budget);
  return fallback === undefined ? { name, type: ANY, required: false } : { name, type: typeOfDefault(fallback), required: false, default: fallback };
}
