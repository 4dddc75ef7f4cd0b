import type { Json } from "../../../kernel/json.ts";
import type { ScopeRefs, ValueRef } from "../core/model.ts";
import type { References, Scope } from "../expressions/expressions.ts";
import { parseJson } from "./flow-codec.ts";
import type { IterItem, ValueOwner, Values } from "./values.ts";

/** A run as far as its expressions see it. */
export interface ScopeOwner extends ValueOwner {
  /** Inputs of the run, JSON text of an object. */
  readonly argsJson: string;
}

/** What a scope lacks: it is to be loaded, then the scope can be made. */
export interface Missing {
  readonly refs: readonly ValueRef[];
  readonly items: readonly IterItem[];
}

export type MadeScope = { readonly kind: "scope"; readonly scope: Scope } | { readonly kind: "missing"; readonly missing: Missing };

const NOTHING: ReadonlyMap<string, Json> = new Map();

/** The names that an expression uses, with their values; and no others: a value that nobody looks at is not read. */
export function makeScope(values: Values, owner: ScopeOwner, refs: ScopeRefs, used: References, result?: Json): MadeScope {
  const maker = new ScopeMaker(values, owner, refs);
  const scope: Record<string, Json> = {};
  const add = (name: string, value: () => Json): void => {
    if (used.names.has(name)) scope[name] = value();
  };
  add("flow_input", () => maker.flowInput());
  add("results", () => maker.results(used.results));
  add("previous_result", () => (refs.previous === undefined ? maker.firstInput() : maker.value(refs.previous)));
  if (refs.own !== undefined || result !== undefined) add("result", () => result ?? maker.optional(refs.own));
  if (refs.error !== undefined) add("error", () => maker.error());
  // Of a step of a loop that is tried alone the inputs have it.
  const iter = used.names.has("iter") ? (maker.iter() ?? maker.givenIter()) : undefined;
  if (iter !== undefined) scope["iter"] = iter;
  add("flow_env", () => owner.definition.env);
  const given = refs.approvals.filter(({ approved }) => approved);
  add("resumes", () => given.map(({ payload }) => parseJson(payload)));
  // Also of a refusal, or of nobody's answer in time, where the flow goes on all the same: `resume.error` says so.
  add("resume", () => parseJson(refs.approvals.at(-1)?.payload ?? "null"));
  add("approvers", () => given.map(({ approver }) => approver));
  const { missing } = maker;
  if (missing.refs.length > 0 || missing.items.length > 0) return { kind: "missing", missing };
  return { kind: "scope", scope: { values: scope, variables: NOTHING, resources: NOTHING } };
}

/** The value that an expression names as a whole, if that is all it does: such a value is passed on as it was written. */
export function wholeRef(source: string, refs: ScopeRefs): ValueRef | undefined {
  const name = source.trim().replace(/;$/, "").trim();
  if (name === "previous_result") return refs.previous;
  if (name === "result") return refs.own;
  const [, plain, , quoted] = /^results(?:\.([A-Za-z_$][\w$]*)|\[\s*(["'])([\w$ -]+)\2\s*\])$/.exec(name) ?? [];
  const id = plain ?? quoted;
  return id === undefined ? undefined : refs.results.get(id);
}

/** Collects what is missing on the way: in its place stands null, and the scope is not used. */
class ScopeMaker {
  readonly missing: { readonly refs: ValueRef[]; readonly items: IterItem[] } = { refs: [], items: [] };
  readonly #values: Values;
  readonly #owner: ScopeOwner;
  readonly #refs: ScopeRefs;

  constructor(values: Values, owner: ScopeOwner, refs: ScopeRefs) {
    this.#values = values;
    this.#owner = owner;
    this.#refs = refs;
  }

  value(ref: ValueRef): Json {
    const known = this.#values.json(this.#owner, ref);
    if (known === undefined) this.missing.refs.push(ref);
    return known?.value ?? null;
  }

  optional(ref: ValueRef | undefined): Json {
    return ref === undefined ? null : this.value(ref);
  }

  /** The inputs; in a loop with `iter`. */
  flowInput(): Json {
    const iter = this.iter();
    const inputs = this.firstInput();
    if (iter === undefined) return inputs;
    return typeof inputs === "object" && inputs !== null && !Array.isArray(inputs) ? { ...inputs, iter } : { iter };
  }

  givenIter(): Json | undefined {
    const inputs = this.firstInput();
    return isMembers(inputs) ? inputs["iter"] : undefined;
  }

  firstInput(): Json {
    return this.#refs.inputs === undefined ? this.#values.inputs(this.#owner.job.id, this.#owner.argsJson) : this.value(this.#refs.inputs);
  }

  results(used: References["results"]): Json {
    const all = this.#refs.results;
    const names = used === "all" ? [...all.keys()] : used;
    const results: Record<string, Json> = {};
    for (const name of names) {
      const ref = all.get(name);
      if (ref !== undefined) results[name] = this.value(ref);
    }
    return results;
  }

  /** Of the innermost loop. */
  iter(): Json | undefined {
    const inner = this.#refs.iterations.at(-1);
    if (inner === undefined) return undefined;
    const { place, index, hasList, run } = inner;
    if (!hasList) return { index, value: index };
    const item = { run: run ?? this.#owner.job.id, place, index };
    const known = this.#values.item(item);
    if (known === undefined) this.missing.items.push(item);
    return { index, value: known?.value ?? null };
  }

  /** The error object of the step that failed, with the step's id. */
  error(): Json {
    const { error } = this.#refs;
    if (error === undefined) return null;
    const value = this.value(error.value);
    const inner = isMembers(value) && isMembers(value["error"]) ? value["error"] : value;
    return isMembers(inner) ? { ...inner, step_id: error.stepId } : { name: "Error", message: JSON.stringify(inner), step_id: error.stepId };
  }
}

function isMembers(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
