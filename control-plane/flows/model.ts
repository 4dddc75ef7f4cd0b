/**
 * A flow as it runs: what `parse.ts` makes of an OpenFlow document once it has been checked. Everything here is plain JSON, so that a
 * definition can be stored and hashed. Names are ours; the document's own names are in `openflow.ts`.
 */
import type { Json } from "../../kernel/json.ts";

/** A value of the document, or an expression over the results so far. */
export type Transform = { readonly kind: "static"; readonly value: Json } | { readonly kind: "expression"; readonly source: string };
export type Transforms = Readonly<Record<string, Transform>>;

export interface FlowDefinition {
  readonly modules: readonly Module[];
  readonly failureModule?: Module;
  readonly preprocessor?: Module;
  readonly sameWorker: boolean;
  readonly concurrency?: Concurrency;
  readonly debounce?: { readonly delayS: number; readonly key?: string /** From the first run that was put off. */; readonly maxDelayS?: number };
  readonly skipExpr?: string;
  readonly cacheTtlS?: number;
  readonly env: Readonly<Record<string, Json>>;
  /** 0 to 9 as in the API, of all step jobs. */
  readonly priority?: number;
  /** Id of the step whose result answers a caller who waits. */
  readonly earlyReturn?: string;
}

/** At most so many at a time, and within any window when one is given. */
export interface Concurrency {
  readonly limit: number;
  /** With `$workspace` and `$args[name]`; the path of the flow, or place of the step, when absent. */
  readonly key?: string;
  readonly windowS?: number;
}

export interface Module {
  /** Unique in the whole flow. */
  readonly id: string;
  readonly summary?: string;
  readonly value: ModuleValue;
  readonly stopAfterIf?: StopRule;
  readonly stopAfterAllItersIf?: StopRule;
  readonly skipIf?: string;
  /** Seconds to wait after the step. */
  readonly sleep?: Transform;
  /** Seconds. */
  readonly timeout?: Transform;
  readonly cacheTtlS?: number;
  readonly deleteAfterUse?: boolean;
  readonly priority?: number;
  readonly mock?: { readonly returnValue: Json };
  readonly retry?: RetryRule;
  readonly continueOnError?: boolean;
  readonly suspend?: SuspendRule;
}

export type ModuleValue =
  | {
      readonly kind: "rawscript";
      readonly language: string;
      readonly content: string;
      readonly path?: string;
      readonly tag?: string;
      readonly inputs: Transforms;
      readonly concurrency?: Concurrency;
    }
  | { readonly kind: "script"; readonly path: string; readonly hash?: string; readonly tag?: string; readonly inputs: Transforms }
  | { readonly kind: "flow"; readonly path: string; readonly inputs: Transforms }
  | {
      readonly kind: "forloop";
      readonly iterator: Transform;
      readonly modules: readonly Module[];
      readonly skipFailures: boolean;
      readonly parallel: boolean;
      /** How many iterations at a time; all that the engine's window allows when absent. */
      readonly parallelism?: Transform;
    }
  | { readonly kind: "whileloop"; readonly modules: readonly Module[]; readonly skipFailures: boolean }
  | { readonly kind: "branchone"; readonly branches: readonly (Branch & { readonly expr: string })[]; readonly default: readonly Module[] }
  | { readonly kind: "branchall"; readonly branches: readonly (Branch & { readonly skipFailure: boolean })[]; readonly parallel: boolean }
  | { readonly kind: "identity"; readonly inputs: Transforms }
  | { readonly kind: "aiagent" };

export interface Branch {
  readonly summary?: string;
  readonly modules: readonly Module[];
}

export interface StopRule {
  readonly expr: string;
  readonly skipIfStopped: boolean;
  readonly errorMessage?: string;
}

export interface RetryRule {
  readonly constant?: { readonly attempts: number; readonly seconds: number };
  readonly exponential?: { readonly attempts: number; readonly multiplier: number; readonly seconds: number; readonly randomFactorPercent: number };
  readonly retryIf?: string;
}

export interface SuspendRule {
  readonly requiredEvents: number;
  /** Undefined: waits for ever. */
  readonly timeoutS?: number;
  readonly formSchema?: Json;
  readonly userAuthRequired: boolean;
  /** Names of groups: members of one of them may answer. */
  readonly userGroupsRequired?: readonly string[];
  readonly selfApprovalDisabled: boolean;
  readonly hideCancel: boolean;
  readonly continueOnDisapproveTimeout: boolean;
}
