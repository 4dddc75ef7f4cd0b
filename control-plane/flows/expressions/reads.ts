/**
 * What an expression reads, found in its text alone: which names it uses that it does not declare, and which members of them. Too much
 * is harmless, too little is not: where something could be anything, the answer is all of it.
 */
import type { AnyNode, CallExpression, Expression, MemberExpression, Pattern, Statement } from "acorn";
import { childrenOf } from "./ast.ts";
import { declaredAtTop, declaredBy } from "./declared-names.ts";

export interface Reads {
  /** Free names, with the chains of members that are read of each: `results.a.b` is `results` → `["a", "b"]`; `[]` is all of it. */
  readonly paths: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly variables: readonly string[];
  readonly resources: readonly string[];
  /** It can make code out of text, or reach every name without naming it. */
  readonly isDynamic: boolean;
  /** Names that are read where a name that nothing has is an error. Those that it may have made itself, or asks whether they are there, are not among them. */
  readonly free: readonly string[];
}

/** Names by which all others can be reached. */
const DYNAMIC = new Set(["eval", "Function", "globalThis"]);

/** The names of one function or block, and those around it. */
interface Names {
  readonly own: ReadonlySet<string>;
  readonly outer: Names | undefined;
}

export function readsOf(body: readonly Statement[]): Reads {
  const finder = new Finder();
  const names = { own: new Set(declaredAtTop(body)), outer: undefined };
  for (const statement of body) finder.visit(statement, names);
  return finder;
}

class Finder implements Reads {
  readonly paths = new Map<string, string[][]>();
  readonly variables: string[] = [];
  readonly resources: string[] = [];
  isDynamic = false;
  readonly #outright = new Set<string>();
  readonly #assigned = new Set<string>();
  /** What is no error, or which names there are, is not to be seen from its text. */
  #isLoose = false;

  get free(): readonly string[] {
    return this.isDynamic || this.#isLoose ? [] : [...this.#outright].filter((name) => !this.#assigned.has(name));
  }

  visit(node: AnyNode, outer: Names): void {
    const own = declaredBy(node);
    const names = own.length === 0 ? outer : { own: new Set(own), outer };
    switch (node.type) {
      case "Identifier":
        this.#read(node.name, [], names);
        break;
      case "ThisExpression":
        // Of a function that is called without an object `this` is the global object.
        this.isDynamic = true;
        break;
      case "MemberExpression":
        this.#member(node, names, false);
        break;
      case "CallExpression":
        this.#call(node, names);
        break;
      case "Property":
      case "MethodDefinition":
      case "PropertyDefinition":
        if (node.computed) this.visit(node.key, names);
        if (node.value) this.visit(node.value, names);
        break;
      case "LabeledStatement":
        this.visit(node.body, names);
        break;
      case "UnaryExpression":
        if (node.operator === "typeof" && node.argument.type === "Identifier") this.#read(node.argument.name, [], names, false);
        else this.visit(node.argument, names);
        break;
      case "AssignmentExpression":
      case "ForInStatement":
      case "ForOfStatement":
        if (node.left.type === "Identifier") this.#assigned.add(node.left.name);
        else if (node.left.type !== "VariableDeclaration" && node.left.type !== "MemberExpression") this.#isLoose = true;
        for (const child of childrenOf(node)) this.visit(child, names);
        break;
      case "TryStatement":
      case "WithStatement":
        this.#isLoose = true;
        for (const child of childrenOf(node)) this.visit(child, names);
        break;
      case "BreakStatement":
      case "ContinueStatement":
      case "MetaProperty":
        break;
      default:
        if (node.type === "VariableDeclarator" && node.init?.type === "Identifier" && this.#taken(node.id, node.init.name, names)) break;
        for (const child of childrenOf(node)) this.visit(child, names);
    }
  }

  /** The name of a method is no member of the data. */
  #call(node: CallExpression, names: Names): void {
    this.#lookup(node, names);
    if (node.callee.type === "MemberExpression") this.#member(node.callee, names, true);
    else this.visit(node.callee, names);
    for (const argument of node.arguments) this.visit(argument, names);
  }

  #read(name: string, path: string[], names: Names, outright = true): void {
    if (isDeclared(name, names)) return;
    if (outright) this.#outright.add(name);
    if (DYNAMIC.has(name)) this.isDynamic = true;
    const known = this.paths.get(name);
    if (known === undefined) this.paths.set(name, [path]);
    else if (!known.some((one) => one.length === path.length && one.every((part, at) => part === path[at]))) known.push(path);
  }

  /** `name.a["b"].c` as far as the members stand in the text; the rest of the chain is visited as usual. */
  #member(node: MemberExpression, names: Names, isCalled: boolean): void {
    const path: string[] = [];
    let at: AnyNode = node;
    while (at.type === "MemberExpression" || at.type === "ChainExpression") {
      if (at.type === "ChainExpression") {
        at = at.expression;
        continue;
      }
      const key = memberName(at);
      if (key === undefined) {
        // What is below may be any member.
        this.visit(at.property, names);
        path.length = 0;
      } else if (!isCalled || at !== node) path.unshift(key);
      at = at.object;
    }
    if (at.type === "Identifier") this.#read(at.name, path, names);
    else this.visit(at, names);
  }

  /** `variable("path")` and `resource("path")`. */
  #lookup(node: CallExpression, names: Names): void {
    if (node.callee.type !== "Identifier" || isDeclared(node.callee.name, names)) return;
    const found = node.callee.name === "variable" ? this.variables : node.callee.name === "resource" ? this.resources : undefined;
    const [argument] = node.arguments;
    const path = argument === undefined || argument.type === "SpreadElement" ? undefined : textOf(argument);
    if (found !== undefined && path !== undefined && !found.includes(path)) found.push(path);
  }

  /** `const { a, b } = results`. @returns false when it takes something that cannot be named */
  #taken(pattern: Pattern, name: string, names: Names): boolean {
    if (pattern.type !== "ObjectPattern") return false;
    const keys: string[] = [];
    for (const property of pattern.properties) {
      if (property.type === "RestElement" || property.computed || property.value.type !== "Identifier") return false;
      const key = property.key.type === "Identifier" ? property.key.name : textOf(property.key);
      if (key === undefined) return false;
      keys.push(key);
    }
    for (const key of keys) this.#read(name, [key], names);
    return true;
  }
}

function isDeclared(name: string, names: Names): boolean {
  for (let at: Names | undefined = names; at !== undefined; at = at.outer) if (at.own.has(name)) return true;
  return false;
}

/** The name of a member as far as it stands in the text. */
function memberName({ property, computed }: MemberExpression): string | undefined {
  if (!computed) return property.type === "Identifier" ? property.name : undefined;
  return property.type === "PrivateIdentifier" ? undefined : textOf(property);
}

function textOf(node: Expression): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" || typeof node.value === "number" ? String(node.value) : undefined;
  return node.type === "TemplateLiteral" && node.expressions.length === 0 ? (node.quasis[0]?.value.cooked ?? undefined) : undefined;
}
