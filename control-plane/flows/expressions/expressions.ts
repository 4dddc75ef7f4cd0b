/** The seam to expressions. `tiers.ts` behind it: an own interpreter for the common subset, QuickJS in a worker for everything else. */
import type { Json } from "../../../kernel/json.ts";

/** Named values that an expression sees; what is missing here but asked for comes back as `needs`. */
export interface Scope {
  /** `flow_input`, `results`, `previous_result`, `result`, `error`, `iter`, `flow_env`, `resume`, `resumes`, `approvers`: those that exist. */
  readonly values: Readonly<Record<string, Json>>;
  /** By path. */
  readonly variables: ReadonlyMap<string, Json>;
  readonly resources: ReadonlyMap<string, Json>;
  /** What `Date.now()` says: the moment of the event that made the expression due, so that a replay says the same. Absent: they are refused. */
  readonly atMs?: number;
}

export type Evaluation =
  | { readonly kind: "value"; readonly value: Json }
  /** The message says what is wrong, without the tenant's data beyond what the expression itself said. */
  | { readonly kind: "error"; readonly name: string; readonly message: string }
  /** It asked for `variable(path)` or `resource(path)` that the scope lacks: to be evaluated again with them. */
  | { readonly kind: "needs"; readonly variables: readonly string[]; readonly resources: readonly string[] };

/** What an expression refers to, found without running it. `all`: it could be anything. */
export interface References {
  /** Module ids in `results.<id>`, `results["id"]`. */
  readonly results: readonly string[] | "all";
  /** Names of the scope that it uses, `flow_input` and so on. */
  readonly names: ReadonlySet<string>;
  /** By those names, the chains of members that it reads: `flow_input.user.name` is `["user", "name"]`; `[]` where it could be all of it. */
  readonly paths: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly variables: readonly string[];
  readonly resources: readonly string[];
  /** All names that have to be there, of the scope and of the language. */
  readonly free: readonly string[];
}

export interface Expressions {
  /** @returns what is wrong with the text as JavaScript, with line and column; undefined when nothing is */
  check(source: string): string | undefined;
  references(source: string): References;
  /** At once, in microseconds, when the expression is in the common subset; undefined otherwise. Bounded in time and size. */
  evaluateNow(source: string, scope: Scope): Evaluation | undefined;
  /** Anything, in a worker: bounded in processor time, memory and size of the value. Never rejects. @param workspace turns are shared by it */
  evaluate(source: string, scope: Scope, workspace: string): Promise<Evaluation>;
  stop(): Promise<void>;
}
