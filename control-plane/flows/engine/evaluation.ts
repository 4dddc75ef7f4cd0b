import { AppError } from "../../../kernel/app-error.ts";
import type { Json } from "../../../kernel/json.ts";
import type { Place, ScopeRefs } from "../core/model.ts";
import type { Evaluation, Expressions, Scope } from "../expressions/expressions.ts";
import type { Transform, Transforms } from "../model.ts";
import type { FlowCatalogue } from "./engine-deps.ts";
import { type Missing, makeScope, type ScopeOwner, wholeRef } from "./scope.ts";
import type { Values } from "./values.ts";

/** JSON text of a value, or what is wrong with the expression. */
export type Evaluated = { readonly kind: "value"; readonly json: string } | { readonly kind: "error"; readonly message: string };

/** How often an expression may ask for more variables and resources. */
const MAX_ROUNDS = 100;

/** What expressions of one place are evaluated with. */
export interface EvaluationPlace {
  readonly owner: ScopeOwner;
  readonly place: Place;
  readonly refs: ScopeRefs;
}

/** Evaluates what a definition says, at once where that takes microseconds and all values are at hand, and otherwise with patience. */
export class Evaluator {
  readonly #expressions: Expressions;
  readonly #values: Values;
  readonly #catalogue: FlowCatalogue;
  readonly #wallMs: () => number;

  /** @param wallMs what `Date.now()` says in an expression: an answer is an event, so that a replay does not ask again */
  constructor(expressions: Expressions, values: Values, catalogue: FlowCatalogue, wallMs: () => number) {
    this.#expressions = expressions;
    this.#values = values;
    this.#catalogue = catalogue;
    this.#wallMs = wallMs;
  }

  /** Undefined: not at once. */
  now(at: EvaluationPlace, transform: Transform): Evaluated | undefined {
    if (transform.kind === "static") return { kind: "value", json: JSON.stringify(transform.value) };
    const { source } = transform;
    const whole = wholeRef(source, at.refs);
    if (whole !== undefined) {
      const text = this.#values.text(at.owner, whole);
      return text === undefined ? undefined : { kind: "value", json: text };
    }
    const made = makeScope(this.#values, at.owner, at.refs, this.#expressions.references(source));
    if (made.kind === "missing") return undefined;
    const evaluation = this.#expressions.evaluateNow(source, { ...made.scope, atMs: this.#wallMs() });
    return evaluation === undefined || evaluation.kind === "needs" ? undefined : evaluated(evaluation);
  }

  /** Errors: those of the database, and of a list that is too large to be a value. */
  async later(at: EvaluationPlace, transform: Transform): Promise<Evaluated> {
    if (transform.kind === "static") return { kind: "value", json: JSON.stringify(transform.value) };
    const { source } = transform;
    const whole = wholeRef(source, at.refs);
    if (whole !== undefined) {
      await this.#values.load(at.owner, [whole]);
      return { kind: "value", json: this.#values.text(at.owner, whole) ?? "null" };
    }
    const scope = await this.#scope(at, source);
    for (let round = 0; ; round++) {
      const evaluation = this.#expressions.evaluateNow(source, scope) ?? (await this.#expressions.evaluate(source, scope, at.owner.job.workspace));
      if (evaluation.kind !== "needs") return evaluated(evaluation);
      const lacks = round >= MAX_ROUNDS ? "it asks for too many variables and resources" : await this.#fetch(at, scope, evaluation);
      if (lacks !== undefined) return { kind: "error", message: lacks };
    }
  }

  /** All arguments of a step as JSON text of an object; undefined: not at once. */
  argumentsNow(at: EvaluationPlace, inputs: Transforms): Evaluated | undefined {
    const members: string[] = [];
    for (const [name, transform] of Object.entries(inputs)) {
      const value = this.now(at, transform);
      if (value === undefined) return undefined;
      if (value.kind === "error") return argumentError(name, value.message);
      members.push(`${JSON.stringify(name)}:${value.json}`);
    }
    return { kind: "value", json: `{${members.join(",")}}` };
  }

  async argumentsLater(at: EvaluationPlace, inputs: Transforms): Promise<Evaluated> {
    const members: string[] = [];
    for (const [name, transform] of Object.entries(inputs)) {
      const value = await this.later(at, transform);
      if (value.kind === "error") return argumentError(name, value.message);
      members.push(`${JSON.stringify(name)}:${value.json}`);
    }
    return { kind: "value", json: `{${members.join(",")}}` };
  }

  async #scope(at: EvaluationPlace, source: string): Promise<FilledScope> {
    const used = this.#expressions.references(source);
    // Values that were loaded may push one another out of the cache: then once more.
    for (let round = 0; round <= MAX_ROUNDS; round++) {
      const made = makeScope(this.#values, at.owner, at.refs, used);
      if (made.kind === "scope") return { ...made.scope, variables: new Map(), resources: new Map(), atMs: this.#wallMs() };
      await this.#load(at, made.missing);
    }
    throw new AppError("out_of_range", "the values that the expression uses are too large together");
  }

  async #load(at: EvaluationPlace, { refs, items }: Missing): Promise<void> {
    await this.#values.load(at.owner, refs);
    for (const item of items) await this.#values.loadItem(at.owner.job, item);
  }

  /** @returns what is wrong, when one of them does not exist */
  async #fetch(at: EvaluationPlace, scope: FilledScope, needs: Extract<Evaluation, { kind: "needs" }>): Promise<string | undefined> {
    const { workspace, id } = at.owner.job;
    const [variables, resources] = await Promise.all([
      needs.variables.length === 0 ? NOTHING : this.#catalogue.variables(workspace, needs.variables, id),
      needs.resources.length === 0 ? NOTHING : this.#catalogue.resources(workspace, needs.resources, id),
    ]);
    return take("variable", needs.variables, variables, scope.variables) ?? take("resource", needs.resources, resources, scope.resources);
  }
}

type FilledScope = Scope & { readonly variables: Map<string, Json>; readonly resources: Map<string, Json> };

const NOTHING: ReadonlyMap<string, Json> = new Map();

/** @returns what is wrong with the first path that has no value */
function take(kind: string, paths: readonly string[], found: ReadonlyMap<string, Json | undefined>, into: Map<string, Json>): string | undefined {
  for (const path of paths) {
    const value = found.get(path);
    if (value === undefined && found.has(path))
      return `the variable ${path} is a secret, which expressions cannot see: give it to a step as the static value "$var:${path}"`;
    if (value === undefined) return `there is no ${kind} ${path}`;
    into.set(path, value);
  }
  return undefined;
}

function evaluated(evaluation: Exclude<Evaluation, { kind: "needs" }>): Evaluated {
  if (evaluation.kind === "value") return { kind: "value", json: JSON.stringify(evaluation.value) };
  return { kind: "error", message: `${evaluation.name}: ${evaluation.message}` };
}

const argumentError = (name: string, message: string): Evaluated => ({ kind: "error", message: `argument ${name}: ${message}` });
