import ts from "typescript";
import { type Change, sqlChanges } from "./sql-mutants.ts";

/**
 * guard: a condition, or a part of it, holds nobody up. opposite: it holds everybody up. bound: a limit is one off, or is none.
 * filter: everything passes. order: nobody waits. sql: a condition or a lock of a statement is none. effect: a statement is left out.
 * absent: what is not there is taken for there; most of these end with a TypeError at once.
 */
export const KINDS = ["guard", "filter", "order", "sql", "bound", "opposite", "effect", "absent"] as const;
export type MutantKind = (typeof KINDS)[number];

/** A file with one guard changed. */
export interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly kind: MutantKind;
  /** Class and function around it. */
  readonly where: string;
  /** On one line; a number follows when the function has several that read the same. */
  readonly change: string;
  /** Of the whole file. */
  readonly text: string;
}

const COMPARISONS: ReadonlyMap<ts.SyntaxKind, string | undefined> = new Map([
  [ts.SyntaxKind.LessThanToken, "<="],
  [ts.SyntaxKind.LessThanEqualsToken, "<"],
  [ts.SyntaxKind.GreaterThanToken, ">="],
  [ts.SyntaxKind.GreaterThanEqualsToken, ">"],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, undefined],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, undefined],
]);
/** Methods that let a part of their receiver through; the last two are of the query builder. */
const FILTERS = new Set(["filter", "where", "forUpdate"]);
/** What is said to people is not a guard. */
const TOLD = /\b(log|logger|metrics|stdout)\b/;
const AND = ts.SyntaxKind.AmpersandAmpersandToken;
const OR = ts.SyntaxKind.BarBarToken;

/** All mutants of a file, in the order of its text. */
export function mutantsOf(file: string, text: string, kinds: ReadonlySet<MutantKind> = new Set(KINDS)): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const seen = new Map<string, number>();
  const mutants: Mutant[] = [];
  const visit = (node: ts.Node): void => {
    for (const [kind, { from, to, replacement }] of changesAt(node)) {
      if (!kinds.has(kind)) continue;
      const where = namesAround(node);
      const change = `${oneLine(text.slice(from, to))} → ${oneLine(replacement) || "nothing"}`;
      const place = `${where} ${change}`;
      const nth = (seen.get(place) ?? 0) + 1;
      seen.set(place, nth);
      const line = source.getLineAndCharacterOfPosition(from).line + 1;
      const mutated = text.slice(0, from) + replacement + text.slice(to);
      mutants.push({ file, line, kind, where, change: nth === 1 ? change : `${change} (${nth})`, text: mutated });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

function changesAt(node: ts.Node): [MutantKind, Change][] {
  const changes: [MutantKind, Change][] = [];
  const add: Add = (kind, of, replacement) =>
    void changes.push([takesForThere(of, replacement) ? "absent" : kind, { from: of.getStart(), to: of.getEnd(), replacement }]);
  if (ts.isExpression(node) && isCondition(node)) {
    const unguarded = unguardedOf(node);
    // A loop without an end says nothing.
    for (const whole of isLoopCondition(node) ? ["false"] : ["true", "false"]) add(unguarded.has(whole) ? "guard" : "opposite", node, whole);
    for (const [of, replacement] of partChanges(node)) add("guard", of, replacement);
  }
  if (ts.isBinaryExpression(node)) {
    const shifted = COMPARISONS.get(node.operatorToken.kind);
    if (shifted !== undefined) add("bound", node.operatorToken, shifted);
  }
  if (ts.isCallExpression(node)) callChanges(node, add);
  if (ts.isExpressionStatement(node)) statementChanges(node, add);
  if (ts.isTemplateExpression(node) || ts.isStringLiteralLike(node)) {
    const start = node.getStart();
    for (const { from, to, replacement } of sqlChanges(node.getText(), holesOf(node)))
      changes.push(["sql", { from: start + from, to: start + to, replacement }]);
  }
  return changes;
}

type Add = (kind: MutantKind, of: ts.Node, replacement: string) => void;

function callChanges(node: ts.CallExpression, add: Add): void {
  const { expression: callee, arguments: args } = node;
  if (!ts.isPropertyAccessExpression(callee)) return;
  if (FILTERS.has(callee.name.text)) add("filter", node, callee.expression.getText());
  if (/^Math\.(min|max)$/.test(callee.getText()) && args.length === 2 && !args.some(ts.isSpreadElement))
    for (const argument of args) add("bound", node, `(${argument.getText()})`);
}

function statementChanges(node: ts.ExpressionStatement, add: Add): void {
  const { expression } = node;
  if (TOLD.test(expression.getText().split("(")[0] ?? "")) return;
  if (ts.isAwaitExpression(expression)) add("order", node, `void Promise.resolve(${expression.expression.getText()}).catch(() => undefined);`);
  add("effect", node, ";");
}

function takesForThere(node: ts.Node, replacement: string): boolean {
  if (!ts.isBinaryExpression(node) || node.right.getText() !== "undefined") return false;
  return replacement === (node.operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken ? "false" : "true");
}

/** What the whole condition is when it holds nobody up: who is let through by which of the two is not always to be seen. */
function unguardedOf(node: ts.Expression): ReadonlySet<string> {
  const { parent } = node;
  if (isLoopCondition(node)) return new Set();
  if (!ts.isIfStatement(parent) || parent.elseStatement !== undefined) return new Set(["true", "false"]);
  return new Set([leaves(parent.thenStatement) ? "false" : "true"]);
}

function leaves(statement: ts.Statement): boolean {
  const last = ts.isBlock(statement) ? statement.statements.at(-1) : statement;
  return last !== undefined && (ts.isReturnStatement(last) || ts.isThrowStatement(last) || ts.isBreakOrContinueStatement(last));
}

/** For each part of a condition what makes it not count. */
function partChanges(whole: ts.Expression): [ts.Node, string][] {
  const bare = bareOf(whole);
  if (isNegation(bare)) return partChanges(bare.operand);
  if (!isComposite(bare)) return [];
  const operator = bare.operatorToken.kind;
  return [bare.left, bare.right].flatMap((operand) => {
    const inner = bareOf(operand);
    const isPart = !isComposite(inner) || inner.operatorToken.kind !== operator;
    const own: [ts.Node, string][] = isPart ? [[operand, operator === AND ? "true" : "false"]] : [];
    return [...own, ...partChanges(operand)];
  });
}

type Composite = ts.BinaryExpression;
const isComposite = (node: ts.Node): node is Composite => ts.isBinaryExpression(node) && (node.operatorToken.kind === AND || node.operatorToken.kind === OR);

function bareOf(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) ? bareOf(node.expression) : node;
}

/** Decided on, or reads like that, and is not a part of a larger condition. */
function isCondition(node: ts.Expression): boolean {
  const { parent } = node;
  if (isComposite(parent) || isNegation(parent) || ts.isParenthesizedExpression(parent)) return false;
  const decides =
    ((ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent)) && parent.expression === node) ||
    ((ts.isConditionalExpression(parent) || ts.isForStatement(parent)) && parent.condition === node);
  if (decides) return node.kind !== ts.SyntaxKind.TrueKeyword;
  const bare = bareOf(node);
  return isComposite(bare) || isNegation(bare) || (ts.isBinaryExpression(bare) && COMPARISONS.has(bare.operatorToken.kind));
}

function isNegation(node: ts.Node): node is ts.PrefixUnaryExpression {
  return ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken;
}

const isLoopCondition = ({ parent }: ts.Node): boolean => ts.isWhileStatement(parent) || ts.isDoStatement(parent) || ts.isForStatement(parent);

/** Where a template has `${…}`, from its beginning. */
function holesOf(node: ts.Node): [number, number][] {
  if (!ts.isTemplateExpression(node)) return [];
  const start = node.getStart();
  return node.templateSpans.map(({ expression, literal }) => [expression.getFullStart() - "${".length - start, literal.getStart() + 1 - start]);
}

function namesAround(node: ts.Node): string {
  const names: string[] = [];
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
    const name = at === node ? undefined : nameOf(at);
    if (name !== undefined) names.unshift(name);
  }
  return names.slice(0, 2).join(".");
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isClassDeclaration(node) || ts.isAccessor(node)) return node.name?.getText();
  const isVariable = ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node);
  return isVariable && (ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name)) ? node.name.text : undefined;
}
