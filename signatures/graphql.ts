import { arrayOf } from "./declared-types.ts";
import { type GraphqlToken, graphqlTokens } from "./graphql-tokens.ts";
import { ANY, type JsonValue, type Parameter, type ParameterType, type SignatureReading } from "./model.ts";
import { nullable, unionOf } from "./parameter-types.ts";
import { type Finding, printable } from "./python-text.ts";
import { SourcePositions } from "./source-position.ts";
import { MAX_TYPE_DEPTH, WorkBudget } from "./work-budget.ts";

/** Where the endpoint and its headers come from; its URL alone will do. */
const API: Parameter = { name: "api", type: unionOf([{ kind: "resource", name: "graphql" }, { kind: "string" }]), required: true };

/** Reads the variables of the first operation of a GraphQL document. Selections are only checked for their brackets: the server's schema decides. */
export function readGraphql(code: string, budget: WorkBudget = new WorkBudget()): SignatureReading {
  const { tokens, problem } = graphqlTokens(code);
  const reader = new VariableReader(tokens, code.length, budget);
  const start = operationStart(tokens);
  const parameters = start === undefined ? [] : reader.variables(start);
  const finding =
    problem ?? bracketProblem(tokens) ?? reader.problem ?? (start === undefined ? { offset: code.length, message: "there is no operation" } : undefined);
  const problems = finding === undefined ? [] : [new SourcePositions(code).problemAt(finding.offset, finding.message)];
  return { signature: { parameters: [API, ...parameters], hasMain: true, variadic: false }, problems };
}

const PAIRS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
const OPENERS = new Set(Object.values(PAIRS));

function bracketProblem(tokens: readonly GraphqlToken[]): Finding | undefined {
  const open: GraphqlToken[] = [];
  for (const token of tokens) {
    if (token.kind !== "mark") continue;
    if (OPENERS.has(token.text)) open.push(token);
    else if (PAIRS[token.text] !== undefined && open.pop()?.text !== PAIRS[token.text])
      return { offset: token.at, message: `unexpected ${printable(token.text)}` };
  }
  const last = open.at(-1);
  return last === undefined ? undefined : { offset: last.at, message: `'${last.text}' is never closed` };
}

const OPERATIONS = new Set(["query", "mutation", "subscription"]);

/** The index behind the keyword of the first operation; of a bare selection the index of its brace. Fragments may stand in front. */
function operationStart(tokens: readonly GraphqlToken[]): number | undefined {
  let depth = 0;
  let inFragment = false;
  for (const [index, token] of tokens.entries()) {
    if (depth === 0 && token.kind === "name" && OPERATIONS.has(token.text) && !inFragment) return index + 1;
    if (depth === 0 && token.kind === "name" && token.text === "fragment") inFragment = true;
    if (token.kind !== "mark") continue;
    if (depth === 0 && token.text === "{" && !inFragment) return index;
    if (OPENERS.has(token.text)) depth += 1;
    if (PAIRS[token.text] !== undefined && --depth <= 0 && token.text === "}") inFragment = false;
  }
  return undefined;
}

const SCALARS: ReadonlyMap<string, ParameterType> = new Map<string, ParameterType>([
  ["Int", { kind: "integer" }],
  ["Float", { kind: "number" }],
  ["String", { kind: "string" }],
  ["Boolean", { kind: "boolean" }],
  ["ID", unionOf([{ kind: "string" }, { kind: "integer" }])],
]);

/** Reads `($id: ID!, $n: Int = 3)`; after the first token that does not fit it reads nothing more. */
class VariableReader {
  problem: Finding | undefined;
  readonly #tokens: readonly GraphqlToken[];
  readonly #endOffset: number;
  readonly #budget: WorkBudget;
  #at = 0;

  constructor(tokens: readonly GraphqlToken[], endOffset: number, budget: WorkBudget) {
    this.#tokens = tokens;
    this.#endOffset = endOffset;
    this.#budget = budget;
  }

  variables(start: number): Parameter[] {
    this.#at = start;
    if (this.#tokens[this.#at]?.kind === "name") this.#at += 1;
    const parameters: Parameter[] = [];
    if (!this.#isMark("(")) return parameters;
    this.#at += 1;
    while (!this.#isMark(")") && this.problem === undefined && this.#budget.spend()) {
      const parameter = this.#variable();
      if (parameter !== undefined) parameters.push(parameter);
    }
    return parameters;
  }

  #variable(): Parameter | undefined {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "variable") return this.#fail();
    this.#at += 1;
    if (!this.#take(":")) return undefined;
    const type = this.#type(0);
    if (type === undefined) return undefined;
    const isRequired = this.#isMark("!");
    if (isRequired) this.#at += 1;
    const hasDefault = this.#isMark("=");
    if (hasDefault) this.#at += 1;
    const fallback = hasDefault ? this.#value(0) : undefined;
    this.#skipDirectives();
    const parameter = { name: token.text.slice(1), type: isRequired ? type : nullable(type), required: isRequired && !hasDefault };
    return fallback === undefined ? parameter : { ...parameter, default: fallback };
  }

  /** Without the `!` behind it. */
  #type(depth: number): ParameterType | undefined {
    const token = this.#tokens[this.#at];
    if (depth > MAX_TYPE_DEPTH || token === undefined) return this.#fail();
    if (token.kind === "name") {
      this.#at += 1;
      // Enums, input objects and scalars of the server's own are in its schema only.
      return SCALARS.get(token.text) ?? ANY;
    }
    if (!this.#take("[")) return undefined;
    const items = this.#type(depth + 1);
    if (items === undefined) return undefined;
    const isRequired = this.#isMark("!");
    if (isRequired) this.#at += 1;
    return this.#take("]") ? arrayOf(isRequired ? items : nullable(items)) : undefined;
  }

  #value(depth: number): JsonValue | undefined {
    const token = this.#tokens[this.#at];
    if (depth > MAX_TYPE_DEPTH || token === undefined || !this.#budget.spend()) return this.#fail();
    if (token.kind === "value" || token.kind === "name") {
      this.#at += 1;
      return token.kind === "value" ? token.value : namedValue(token.text);
    }
    if (this.#isMark("[")) return this.#list(depth);
    return this.#isMark("{") ? this.#object(depth) : this.#fail();
  }

  #list(depth: number): JsonValue | undefined {
    const values: JsonValue[] = [];
    this.#at += 1;
    while (!this.#isMark("]")) {
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      values.push(value);
    }
    this.#at += 1;
    return values;
  }

  #object(depth: number): JsonValue | undefined {
    const entries: [string, JsonValue][] = [];
    this.#at += 1;
    while (!this.#isMark("}")) {
      const name = this.#tokens[this.#at];
      if (name?.kind !== "name") return this.#fail();
      this.#at += 1;
      const value = this.#take(":") ? this.#value(depth + 1) : undefined;
      if (value === undefined) return undefined;
      entries.push([name.text, value]);
    }
    this.#at += 1;
    return Object.fromEntries(entries);
  }

  /** `@name` and `@name(…)`. */
  #skipDirectives(): void {
    while (this.#isMark("@")) {
      this.#at += 2;
      let depth = 0;
      do {
        if (this.#isMark("(")) depth += 1;
        else if (this.#isMark(")")) depth -= 1;
        else if (depth === 0) break;
        this.#at += 1;
      } while (depth > 0 && this.#at < this.#tokens.length);
    }
  }

  #isMark(text: string): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === "mark" && token.text === text;
  }

  #take(text: string): boolean {
    if (!this.#isMark(text)) {
      this.#fail();
      return false;
    }
    this.#at += 1;
    return true;
  }

  #fail(): undefined {
    const token = this.#tokens[this.#at];
    this.problem ??=
      token === undefined
        ? { offset: this.#endOffset, message: "unexpected end of file" }
        : { offset: token.at, message: `unexpected ${printable(token.text.slice(0, 40))}` };
    return undefined;
  }
}

/** A name that is no literal is a value of an enum, which travels as text. */
function namedValue(name: string): JsonValue {
  return name === "null" ? null : name === "true" ? true : name === "false" ? false : name;
}
