import { ANY, type JsonValue, NO_MAIN, type Parameter, type Signature, type SignatureReading } from "./model.ts";
import { typeOfDefault } from "./parameter-types.ts";
import { endOfList, isMark, splitAtCommas } from "./perl-lists.ts";
import { perlLiteral } from "./perl-literals.ts";
import { type PerlToken, perlTokens } from "./perl-tokens.ts";
import { positionalName } from "./positional-name.ts";
import { WorkBudget } from "./work-budget.ts";

/**
 * Reads `sub main` of a Perl file: its signature, or what the first statements of its body take from `@_`; types are what the defaults suggest.
 * Only perl itself can parse Perl (what a line means may depend on code that ran before it), so there is no syntax check at deploy time.
 */
export function readPerl(code: string, budget: WorkBudget = new WorkBudget()): SignatureReading {
  const found = findMain(perlTokens(code)) ?? findMainAtLineStart(code);
  return { signature: found === undefined ? NO_MAIN : signatureOf(found, budget), problems: [] };
}

/** The tokens behind `sub main`; the last one counts, as it does for perl. */
function findMain(tokens: readonly PerlToken[]): readonly PerlToken[] | undefined {
  for (let index = tokens.length - 2; index >= 0; index--)
    if (isWord(tokens[index], "sub") && isWord(tokens[index + 1], "main")) return tokens.slice(index + 2);
  return undefined;
}

/**
 * The lexer may have taken something above `main` for a quote that is none (of 10,800 subroutines of Debian's Perl it misses 1 %). Whoever writes
 * `sub main` at the beginning of a line most likely means it: a script that is refused by mistake is worse than one that fails when it runs.
 */
function findMainAtLineStart(code: string): readonly PerlToken[] | undefined {
  const at = /^sub[ \t]+main\b/m.exec(code)?.index;
  const end = /^__(?:END|DATA)__$/m.exec(code)?.index ?? code.length;
  return at === undefined || at > end ? undefined : findMain(perlTokens(code, at));
}

function isWord(token: PerlToken | undefined, text: string): boolean {
  return token?.kind === "word" && token.text === text;
}

interface Reading {
  readonly parameters: Parameter[];
  variadic: boolean;
}

function signatureOf(tokens: readonly PerlToken[], budget: WorkBudget): Signature {
  const reading: Reading = { parameters: [], variadic: false };
  let at = 0;
  // Attributes such as `:prototype($$)`.
  while (isMark(tokens[at], ":")) {
    at += 2;
    if (isMark(tokens[at], "(")) at = endOfList(tokens, at + 1) + 1;
  }
  const end = isMark(tokens[at], "(") ? endOfList(tokens, at + 1) : undefined;
  if (end !== undefined) readList(tokens.slice(at + 1, end), reading, budget);
  const body = end === undefined ? at : end + 1;
  // Without a signature, and below a prototype, the body tells.
  if (reading.parameters.length === 0 && isMark(tokens[body], "{")) readBody(tokens, body + 1, reading, budget);
  // One that names nothing is given names and values, as a hash is (agent/runtimes/perl/wrapper.pl).
  return { parameters: reading.parameters, hasMain: true, variadic: reading.variadic || reading.parameters.length === 0 };
}

/** `($name, $count = 3, $, @rest, %opts)`; a prototype such as `($$;@)` has no names and yields nothing. */
function readList(tokens: readonly PerlToken[], into: Reading, budget: WorkBudget): void {
  const parts = splitAtCommas(tokens);
  const hasNames = tokens.some((token) => token.kind === "variable" && /^[$@%][A-Za-z_]/.test(token.text));
  if (!hasNames) return;
  for (const [variable, assign, ...value] of parts) {
    if (!budget.spend()) return;
    const text = variable?.kind === "variable" || variable?.kind === "mark" ? variable.text : "";
    if (text.startsWith("%")) into.variadic = true;
    if (!text.startsWith("$")) continue;
    const name = positionalName(text.replace(/[^\w]/g, ""), into.parameters.length);
    const hasDefault = assign?.kind === "mark" && ["=", "//=", "||="].includes(assign.text);
    into.parameters.push(parameterOf(name, hasDefault ? value : undefined, budget));
  }
}

/** `my ($a, $b) = @_;` and `my $c = shift // 3;`, as long as the body goes on like that. */
function readBody(tokens: readonly PerlToken[], from: number, into: Reading, budget: WorkBudget): void {
  let at = from;
  while (isWord(tokens[at], "my") && budget.spend()) {
    const end = tokens.findIndex((token, index) => index >= at && (isMark(token, ";") || isMark(token, "}")));
    const statement = tokens.slice(at + 1, end === -1 ? tokens.length : end);
    if (!readStatement(statement, into, budget) || end === -1) return;
    at = end + 1;
  }
}

/** False for a statement that takes nothing from `@_`. */
function readStatement(statement: readonly PerlToken[], into: Reading, budget: WorkBudget): boolean {
  const assign = statement.findIndex((token) => isMark(token, "="));
  const value = statement.slice(assign + 1);
  const [source] = value;
  if (assign === -1) return false;
  if (source?.kind === "variable" && source.text === "@_" && value.length === 1) {
    const target = statement.slice(0, assign);
    readList(isMark(target[0], "(") ? target.slice(1, -1) : target, into, budget);
    return true;
  }
  const [target] = statement;
  if (assign !== 1 || target?.kind !== "variable" || !target.text.startsWith("$")) return false;
  const rest = isWord(source, "shift") ? afterShift(value.slice(1)) : isElement(value, into.parameters.length) ? value.slice(4) : undefined;
  const [operator] = rest ?? [];
  if (rest === undefined || !(operator === undefined || isMark(operator, "//") || isMark(operator, "||"))) return false;
  into.parameters.push(parameterOf(target.text.slice(1), operator === undefined ? undefined : rest.slice(1), budget));
  return true;
}

/** `shift`, `shift()`, `shift @_` and `shift(@_)` are one thing. */
function afterShift(rest: readonly PerlToken[]): readonly PerlToken[] {
  const inner = isMark(rest[0], "(") ? rest.slice(1, endOfList(rest, 1)) : rest.slice(0, 1);
  const [only] = inner;
  const isArguments = only?.kind === "variable" && only.text === "@_";
  if (isMark(rest[0], "(")) return inner.length === 0 || isArguments ? rest.slice(endOfList(rest, 1) + 1) : rest;
  return isArguments ? rest.slice(1) : rest;
}

/** `$_[0]` at the position that comes next. */
function isElement(value: readonly PerlToken[], position: number): boolean {
  const [variable, open, index, close] = value;
  const isPosition = index?.kind === "number" && Number(index.text) === position;
  return variable?.kind === "variable" && variable.text === "$_" && isMark(open, "[") && isPosition && isMark(close, "]");
}

function parameterOf(name: string, value: readonly PerlToken[] | undefined, budget: WorkBudget): Parameter {
  if (value === undefined) return { name, type: ANY, required: true };
  const fallback: JsonValue | undefined = perlLiteral(value, budget);
  return fallback === undefined ? { name, type: ANY, required: false } : { name, type: typeOfDefault(fallback), required: false, default: fallback };
}
