/**
 * Reads the text of an expression: one JavaScript expression, or statements whose last value counts. Parsing is pure JavaScript and in
 * process, so it is bounded in length and nesting: acorn recurses, and so does everything that walks its tree.
 */
import { type AnyNode, type ExpressionStatement, parseExpressionAt, parse as parseScript, type Statement, tokenizer, tokTypes } from "acorn";
import { childrenOf, isFunction } from "./ast.ts";
import { returnPlaces } from "./last-value.ts";

export const PARSE_LIMITS = { sourceChars: 32_768, nesting: 300 } as const;

/** What QuickJS understands; later syntax would pass here and fail there. */
const OPTIONS = { ecmaVersion: 2024, sourceType: "script", allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true } as const;

const TOO_DEEP = "it is nested too deeply";

export interface ParsedExpression {
  readonly body: readonly Statement[];
  /** Offsets where `return` has to be put so that the last value counts. */
  readonly returns: readonly number[];
  /** `await` outside functions: harmless, and written by people whose `variable()` had to be awaited. */
  readonly isAsync: boolean;
}

export type Parsed = { readonly kind: "parsed"; readonly expression: ParsedExpression } | Problem;

interface Problem {
  readonly kind: "problem";
  readonly offset: number;
  readonly message: string;
}

/** Never throws. */
export function parseExpression(source: string): Parsed {
  if (source.length > PARSE_LIMITS.sourceChars) return problem(0, `it is longer than ${PARSE_LIMITS.sourceChars} characters: make it a script step`);
  const nul = source.indexOf("\0");
  if (nul >= 0) return problem(nul, "a character with the code 0 is not allowed");
  const body = parseBody(source);
  if (!Array.isArray(body)) return body;
  const found = survey(body);
  if (found.problem !== undefined) return found.problem;
  const returns = returnPlaces(body);
  if (returns.length === 0 && !found.hasEnd) {
    const last = body.at(-1);
    return problem(last?.start ?? 0, last === undefined ? "it is empty" : "the last statement has no value: end with an expression or with `return`");
  }
  return { kind: "parsed", expression: { body, returns, isAsync: found.isAsync } };
}

function problem(offset: number, message: string): Problem {
  return { kind: "problem", offset, message };
}

/** Text that starts with a brace is an object where that is possible, as after `return`. */
function parseBody(source: string): Statement[] | Problem {
  try {
    const object = startsWithBrace(source) ? parseObject(source) : undefined;
    if (object !== undefined) return [object];
    const body: Statement[] = [];
    for (const statement of parseScript(source, OPTIONS).body) {
      // A script has none; they are of modules.
      if (/^(Import|Export)/.test(statement.type)) return problem(statement.start, "modules cannot be imported in an expression");
      if (isStatement(statement) && statement.type !== "EmptyStatement") body.push(statement);
    }
    return body;
  } catch (error) {
    return syntaxProblem(error, source);
  }
}

function isStatement(node: AnyNode): node is Statement {
  return !/^(Import|Export)/.test(node.type);
}

function startsWithBrace(source: string): boolean {
  return tokenizer(source, OPTIONS).getToken().type === tokTypes.braceL;
}

function parseObject(source: string): ExpressionStatement | undefined {
  try {
    const start = tokenizer(source, OPTIONS).getToken().start;
    const expression = parseExpressionAt(source, start, OPTIONS);
    const rest = parseScript(source.slice(expression.end), OPTIONS).body;
    if (rest.some(({ type }) => type !== "EmptyStatement")) return undefined;
    return { type: "ExpressionStatement", start, end: expression.end, expression };
  } catch {
    return undefined;
  }
}

function syntaxProblem(error: unknown, source: string): Problem {
  if (error instanceof RangeError) return problem(0, TOO_DEEP);
  if (!(error instanceof SyntaxError)) throw error;
  const offset = "pos" in error && typeof error.pos === "number" ? error.pos : 0;
  if (offset >= source.trimEnd().length) return problem(offset, "it ends too early");
  const message = error.message.replace(/ \(\d+:\d+\)$/, "");
  // acorn's own words for an overflow that it caught.
  if (message.includes("stack space")) return problem(offset, TOO_DEEP);
  if (message.includes("'import' and 'export'")) return problem(offset, "modules cannot be imported in an expression");
  return problem(offset, message.charAt(0).toLowerCase() + message.slice(1));
}

interface Survey {
  problem: Problem | undefined;
  /** `return` or `throw`: it may well end there. */
  hasEnd: boolean;
  isAsync: boolean;
}

/** Looks at every node once, without recursion. `return` and `await` count outside functions only. */
function survey(body: readonly Statement[]): Survey {
  const found: Survey = { problem: undefined, hasEnd: false, isAsync: false };
  const open: { readonly node: AnyNode; readonly depth: number; readonly isInFunction: boolean }[] = [];
  for (const node of body) open.push({ node, depth: 1, isInFunction: false });
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { node, depth } = at;
    if (depth > PARSE_LIMITS.nesting) found.problem ??= problem(node.start, TOO_DEEP);
    if (node.type === "ImportExpression") found.problem ??= problem(node.start, "modules cannot be imported in an expression");
    if (found.problem !== undefined) return found;
    if (!at.isInFunction) {
      if (node.type === "ReturnStatement" || node.type === "ThrowStatement") found.hasEnd = true;
      if (node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await)) found.isAsync = true;
    }
    const isInFunction = at.isInFunction || isFunction(node);
    for (const child of childrenOf(node)) open.push({ node: child, depth: depth + 1, isInFunction });
  }
  return found;
}
